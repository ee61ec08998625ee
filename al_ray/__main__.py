"""`python -m al_ray` is `al-ray`."""

from al_ray.commands.start import main

if __name__ == "__main__":
    main()
