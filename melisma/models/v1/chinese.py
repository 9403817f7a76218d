"""Numbers in Chinese lyrics, written out as they are spoken.

The rules and their order are those of "chn_text_norm", which the lyric encoder's training data went through: dates,
money, telephone numbers, fractions, percentages, counted things, long runs of digits, whatever numbers are left. Each
rule rewrites the first place at which its text occurs. At the end every punctuation mark becomes a comma.
"""

import re
import string
from collections.abc import Callable

DIGITS = "零一二三四五六七八九"
SMALL_UNITS = {1: "十", 2: "百", 3: "千"}
LARGE_UNITS = {
    4: "万",
    8: "亿",
    12: "兆",
    16: "京",
    20: "垓",
    24: "秭",
    28: "穰",
    32: "沟",
    36: "涧",
    40: "正",
    44: "载",
}
UNITS = SMALL_UNITS | LARGE_UNITS
POINT, TWO, PAIR = "点", "二", "两"

_MONEY = "(?:(?:亿|千万|百万|万|千|百)|(?:亿|千万|百万|万|千|百|)(?:元|块)|角|毛|分)"
# fmt: off
_COUNTERS = (
    "匹|张|座|回|场|尾|条|个|首|阙|阵|网|炮|顶|丘|棵|只|支|袭|辆|挑|担|颗|壳|窠|曲|墙|群|腔|砣|客|贯|扎|捆|刀|令|打|手|罗|坡|山|岭|江|溪|钟|"
    "队|单|双|对|出|口|头|脚|板|跳|枝|件|贴|针|线|管|名|位|身|堂|课|本|页|家|户|层|丝|毫|厘|分|钱|两|斤|铢|石|钧|锱|忽|(?:千|毫|微)克|"
    "寸|尺|丈|里|寻|常|铺|程|(?:千|分|厘|毫|微)米|撮|勺|合|升|斗|盘|碗|碟|叠|桶|笼|盆|盒|杯|斛|锅|簋|篮|罐|瓶|壶|卮|盏|箩|箱|煲|啖|袋|钵|"
    "年|月|日|季|刻|时|周|天|秒|旬|纪|岁|世|更|夜|春|夏|秋|冬|代|伏|辈|丸|泡|粒|幢|堆|根|道|面|片|块"
)
_CHINESE_MARKS = (
    "！？｡。＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～｟｠｢｣､、〃《》「」『』【】〔〕〖〗〘〙〚〛〜〝〞〟〰〾〿–—‘'‛“”„‟…‧﹏."
)
# fmt: on
_COMMAS = str.maketrans(dict.fromkeys(_CHINESE_MARKS + string.punctuation, ","))


def digits(number: str) -> str:
    """Digit by digit, as years and telephone numbers are said."""
    return "".join(DIGITS[int(digit)] for digit in number)


def _with_units(number: str) -> list[str]:
    """The signs of a whole number; leading zeros count as one 零."""
    rest = number.lstrip("0")
    if len(rest) < 2:
        return [DIGITS[0]] * (len(number) > len(rest) > 0) + [DIGITS[int(digit)] for digit in rest]
    power = max(power for power in UNITS if power < len(rest))
    return [*_with_units(number[:-power]), UNITS[power], *_with_units(rest[-power:])]


def _pairs(signs: list[str]) -> list[str]:
    """二 becomes 两 before a unit other than 十, unless it follows 十."""
    units = set(UNITS.values())
    paired = list(signs)
    for i, sign in enumerate(signs[:-1]):
        before = signs[i - 1] if i else None
        if sign == TWO and signs[i + 1] in units - {"十"} and (before is None or before in units - {"十"}):
            paired[i] = PAIR
    return paired


def cardinal(number: str) -> str:
    """A number with or without decimals, in words."""
    whole, _, decimals = number.partition(".")
    signs = _with_units(whole) if len(whole) > 1 else [DIGITS[int(whole)]]
    if decimals:
        signs += [POINT, *digits(decimals)]
    said = "".join(_pairs(signs))
    if said.startswith(POINT):
        return DIGITS[0] + said
    return said[1:] if said.startswith("一十") else said


def _date(date: str) -> str:
    year, mark, rest = date.strip().rpartition("年")
    said = digits(year) + mark
    month, mark, day = rest.rpartition("月")
    return said + (cardinal(month) + mark if mark else "") + (cardinal(day[:-1]) + day[-1] if day else "")


def _inside(text: str) -> str:
    """Every number in a phrase, as a cardinal."""
    return re.sub(r"\d+(\.\d+)?", lambda found: cardinal(found[0]), text)


def _telephone(number: str) -> str:
    return digits(re.sub(r"\D", "", number))


def _fraction(fraction: str) -> str:
    above, below = fraction.split("/")
    return f"{cardinal(below)}分之{cardinal(above)}"


# fmt: off
RULES: tuple[tuple[str, Callable[[str], str]], ...] = (
    (r"\D+((?:(?:[089]\d|(?:19|20)\d{2})年)?(?:\d{1,2}月(?:\d{1,2}[日号])?)?)", _date),
    (rf"\D+(\d+(?:\.\d+)?[多余几]?{_MONEY}(?:\d{_MONEY}?)?)", _inside),
    (r"\D((?:\+?86 ?)?1(?:[38]\d|5[0-35-9]|7[678]|9[89])\d{8})\D", _telephone),
    (r"\D((?:0(?:10|2[1-3]|[3-9]\d{2})-?)?[1-9]\d{6,7})\D", _telephone),
    (r"(\d+/\d+)", _fraction),
    (r"(\d+(?:\.\d+)?%)", lambda share: "百分之" + cardinal(share[:-1])),
    (rf"(\d+(?:\.\d+)?[多余几]?(?:{_COUNTERS}))", _inside),
    (r"(\d{4,32})", digits),
    (r"(\d+(?:\.\d+)?)", _inside),
)
# fmt: on


def spoken(text: str) -> str:
    """Numbers in words, punctuation as commas."""
    text = f"^{text}$".replace("％", "%")
    for pattern, say in RULES:
        for found in re.findall(pattern, text):
            text = text.replace(found, say(found), 1) if found else text
    text = re.sub("([a-zA-Z]+)二([a-zA-Z]+)", r"\g<1>2\g<2>", text)
    return text.removeprefix("^").removesuffix("$").translate(_COMMAS)
