"""A message in the language that is spoken; what is kept is English."""

import pickle
import subprocess
import sys

import pytest

from al_ray import language
from al_ray.errors import CorpusError, UserError


@pytest.mark.parametrize(
    ("words", "environment", "spoken"),
    [
        ([], {}, "en"),
        ([], {"LANG": "ko_KR.UTF-8"}, "ko"),
        ([], {"LANG": "ko_KR.UTF-8", "LC_ALL": "C"}, "en"),
        ([], {"LC_ALL": "", "LC_MESSAGES": "ko", "LANG": "C.UTF-8"}, "ko"),
        ([], {"LANG": "ja_JP.UTF-8"}, "en"),
        (["verdict", "--lang", "ko", "out"], {"LANG": "en_US"}, "ko"),
        (["verdict", "out", "--lang=en"], {"LANG": "ko_KR"}, "en"),
        (["--lang"], {"LANG": "ko_KR"}, "ko"),  # which is refused, in Korean
        (["--lang", "fr"], {"LANG": "ko_KR"}, "ko"),
    ],
)
def test_options_come_before_the_locale(words, environment, spoken):
    assert language.chosen(words, environment) == spoken


def test_what_has_no_message_is_english(korean):
    assert language.tr("no such {thing}", thing="thing") == "no such thing"
    assert language.tr("{braces} are text where there are no values") == (
        "{braces} are text where there are no values"
    )


def test_numbers_have_their_form():
    assert language.trn("{n} goose", "{n:,} geese", 1) == "1 goose"
    assert language.trn("{n} goose", "{n:,} geese", 2000) == "2,000 geese"


@pytest.mark.parametrize("spoken", ["en", "ko"])
def test_a_number_may_be_given_as_a_value_too(spoken):
    language.use(spoken)
    assert language.trn("{n} goose", "{n} geese", 2, n="two") in ("two geese", "two goose")


@pytest.mark.parametrize(
    ("said", "read"),
    [
        # As they are read aloud: 영, 일, 이, 삼, 사, 오, 육, 칠, 팔, 구; 퍼센트.
        ("라벨 10은(는)", "라벨 10은"),
        ("라벨 12은(는)", "라벨 12는"),
        ("3이(가)", "3이"),
        ("4이(가)", "4가"),
        ("5을(를)", "5를"),
        ("6을(를)", "6을"),
        ("9과(와)", "9와"),
        ("30(으)로", "30으로"),
        ("31(으)로", "31로"),
        ("37(으)로", "37로"),
        ("38(으)로", "38로"),
        ("32(으)로", "32로"),
        ("95 %을(를)", "95 %를"),
        ("시드을(를)", "시드를"),
        ("라벨을(를)", "라벨을"),
        ("라벨(으)로", "라벨로"),
        ("집(으)로", "집으로"),
        ("margin은(는)", "margin은(는)"),  # how a foreign word is read is not known
    ],
)
def test_particles_fit_what_is_read_before_them(korean, said, read):
    assert language.tr(said) == read


def test_an_error_is_said_by_who_shows_it_and_survives_the_way_there():
    inner = CorpusError("{path}: no rows", path="a.csv")
    error = UserError("--data {size:,}: {inner}", size=1000, inner=inner)
    sent = pickle.loads(pickle.dumps(error))
    assert type(sent) is UserError
    assert str(sent) == str(error) == "--data 1,000: a.csv: no rows"
    sent.values["inner"].args = ("{path}: leer",)
    assert str(sent) == "--data 1,000: a.csv: leer"


def test_english_loads_no_catalogue():
    code = "import sys, al_ray.language as l; l.use('en'); print('babel' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
