"""Made data in CLoT-Oogiri-GO's form: rows with Chinese words in any order, on pictures of coloured blocks.

Half of the rows are I2T, half IT2T without a question, as in the real data; pictures are in a zip, and named without
ending. The texts mean nothing, so the data measures time and not jokes.
"""

import io
import json
import random
import zipfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy
from PIL import Image

WORDS = (
    "老板 猫咪 外卖 鱼 爷爷 假牙 妈妈 时尚 周一 冰箱 梦想 恐龙 雨伞 邻居 狗 打卡 加班 惊喜 总经理 思考 "
    "人生 离家 出走 明天 灭绝 月亮 电梯 土豆 飞机 袜子 唱歌 考试 健身 减肥 奶茶 作业 手机 充电 排队 地铁 "
    "火锅 相亲 程序员 产品 需求 头发 秃 键盘 闹钟 医生 老师 校长 作文 流星 许愿 西瓜 空调 蚊子 熬夜 早起 "
    "快递 红包 股票 房子 装修 油漆 沙发 毛衣 围巾 雪人 胡萝卜 兔子 乌龟 赛跑 奖牌 领导 开会 睡觉 做梦"
)


def picture(seed: int, size: tuple[int, int]) -> bytes:
    """A JPEG of coloured blocks, unlike all others."""
    blocks = numpy.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=numpy.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def text(seed: int) -> str:
    """Six to twelve different words."""
    chosen = random.Random(seed)
    return "".join(chosen.sample(WORDS.split(), chosen.randint(6, 12)))


def write_rows(folder: Path, count: int, size: tuple[int, int], first: int = 0) -> Path:
    """Write cn.jsonl and images.zip with rows of seeds `first`, `first` + 1, … Returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = range(first, first + count)
    rows = [
        {
            "type": "IT2T" if seed % 2 else "I2T",
            "question": None,
            "image": f"{seed:08x}",
            "text": text(seed),
            "star": seed % 100,
        }
        for seed in seeds
    ]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "cn.jsonl").write_text(lines, encoding="utf-8")
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        if count < 100:
            pictures = map(partial(picture, size=size), seeds)
        else:
            with ProcessPoolExecutor(mp_context=get_context("fork")) as pool:
                pictures = iter(list(pool.map(partial(picture, size=size), seeds, chunksize=16)))
        for seed, content in zip(seeds, pictures, strict=True):
            archive.writestr(f"images/{seed:08x}.jpg", content)
    return folder
