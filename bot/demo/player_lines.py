"""What the scripted players of the demo's rounds write: punchlines about the pictures of its pack, by their titles.

Each picture has a punchline of the first player and one of the second, in each language.
"""

LINES: dict[str, dict[str, tuple[str, str]]] = {
    "en": {
        "Bicycle": ("My gym membership, now with a bell.", "Two tyres, and still less tired than me on Monday."),
        "Butterfly": ("Ex-caterpillar. Ask me about my rebrand.", "When your gap year actually changes you."),
        "Cactus": ("Free hugs. Terms apply.", "My mood before the first coffee, potted."),
        "Fox": ("Internet Explorer's handsome cousin is on fire again.", "I'm not sly. I just read the terms."),
        "Guitar": ("Owner knows three chords and one of them is a lie.", "Wonderwall in 3… 2… 1…"),
        "Hamburger": ("My diet starts behind this burger.", "The only relationship of mine with this many layers."),
        "Octopus": ("Eight arms and still can't find my keys.", "Finally, someone who can do a group hug alone."),
        "Penguin": (
            "Overdressed, underpaid, can't fly business class.",
            "He came for the ice. He stayed for the Linux.",
        ),
    },
    "zh": {
        "Bicycle": ("健身卡办了三年，最后骑它回的家。", "两个轮子都有气，就我没脾气。"),
        "Butterfly": ("别看我现在这样，以前也是个虫。", "减肥前后对比照，后一张没修图。"),
        "Cactus": ("抱抱免费，医药费自理。", "我不是脾气大，我是浑身都是边界感。"),
        "Fox": ("我可不狡猾，我只是看了条款。", "老板画的饼，我一口都不信。"),
        "Guitar": ("一共会三个和弦，其中一个是假的。", "前奏一响，邻居就搬。"),
        "Hamburger": ("明天一定减肥，今天先吃明天的份。", "我的生活要是有它一半有层次就好了。"),
        "Octopus": ("八只手，加班还是做不完。", "麻将三缺一？我一个人就能开一桌。"),
        "Penguin": ("每天穿西装上班，工资还是冻着的。", "全公司就我一个人不怕降温。"),
    },
}
ANY: dict[str, tuple[str, str]] = {
    "en": ("And that's how I lost the deposit.", "Live footage of my weekend plans."),
    "zh": ("押金就是这么没的。", "我的周末计划，现场直播。"),
}
"""For pictures that have no punchlines above."""


def line_for(caption: str, language: str, player: int) -> str:
    """The punchline of player 0 or 1 for the picture whose title the caption names."""
    found = next((lines for title, lines in LINES[language].items() if f"📷 {title} " in caption), ANY[language])
    return found[player]
