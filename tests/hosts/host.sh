# The first process of a pretend host; `hosts.py` starts it in namespaces of its own.
#
# SHARED: a folder that all hosts have, at /mnt/shared. KEEP: paths that stay visible, read-only,
# a line each. NAME: the host's name. NETWORK: a line for each host, as in /etc/hosts.
set -eu

hostname "$NAME"
mount -t tmpfs tmpfs /mnt
mkdir /mnt/shared /mnt/keep
mount --bind "$SHARED" /mnt/shared
number=0
while read -r path; do
    mkdir "/mnt/keep/$number"
    mount --bind "$path" "/mnt/keep/$number"
    number=$((number + 1))
done <<<"$KEEP"

# What is left to write to is this host's own, and ends with it.
mount -o remount,bind,ro /
for folder in /tmp /var/tmp /dev/shm /run "$HOME"; do
    mount -t tmpfs tmpfs "$folder"
done
number=0
while read -r path; do
    mkdir -p "$path" 2>/dev/null || true # one that was covered just now
    mount --bind "/mnt/keep/$number" "$path"
    mount -o remount,bind,ro "$path"
    number=$((number + 1))
done <<<"$KEEP"

printf '127.0.0.1 localhost\n%s\n' "$NETWORK" >/run/hosts
mount --bind /run/hosts /etc/hosts

# What `ray up` finds when it comes by ssh.
printf 'export PATH=%s/bin:$PATH PYTHONPATH=%s RAY_USAGE_STATS_ENABLED=0 RAY_worker_niceness=0\n' \
    "$ENVIRONMENT" "$PYTHONPATH" >"$HOME/.bashrc"
printf '. ~/.bashrc\n' >"$HOME/.profile"
mkdir -m 755 /run/sshd
ssh-keygen -q -t ed25519 -N '' -f /run/sshd/key
cat >/run/sshd/config <<END
HostKey /run/sshd/key
AuthorizedKeysFile /mnt/shared/key.pub
PasswordAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
END
/usr/sbin/sshd -D -e -f /run/sshd/config 2>"/run/sshd/log" &
touch /run/ready
wait
