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
        "Cat": ("Employee of the month. Every month. By his own vote.", "I have read your complaint and sat on it."),
        "Cup of coffee": ("My personality, served hot.", "Decaf is just a hot lie."),
        "Rocket": ("Me leaving the party without saying goodbye.", "How my rent goes up."),
        "Robot": ("I also fail the I-am-not-a-robot test.", "It took my job and now it has my back pain too."),
        "Pizza": (
            "The only pie chart I understand.",
            "A circle in a square box, cut in triangles. Maths was fun after all.",
        ),
        "Astronaut": (
            "Found a flat with no neighbours. Still no parking.",
            "Working from home, some assembly required.",
        ),
        "Elephant": ("Finally, somebody addressed me in the room.", "Never forgets, still can't find the remote."),
        "Clock": (
            "It's right twice a day, which beats my forecast.",
            "Five more minutes, said the snooze button in 2019.",
        ),
        "Owl": (
            "It's three in the morning and we need to talk.",
            "Can turn its head right round and still won't see my point.",
        ),
        "Photographer": (
            "Hold still, I only have eleven hundred tries left.",
            "Everybody say cheese. Not you, lactose-free Linda.",
        ),
        "Snail": ("My download, live.", "Owns a house at that age. Show-off."),
        "Coins": ("My life savings, in one photo.", "All heads and no brains, like our meeting."),
        "Dog": ("Who's a good boy? Asking for a performance review.", "I buried your deadline in the garden."),
        "Umbrella": ("Works perfectly until it rains.", "I was left on more trains than the conductor."),
        "Galaxies": ("Two trillion of them and still no signal in my kitchen.", "The crumbs in my keyboard, enlarged."),
        "Car": ("Four wheels, one of them the good one.", "Drives itself. Mostly to the garage."),
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
        "Cat": ("本月最佳员工，投票人：它自己。", "您的意见我已收到，并坐在了上面。"),
        "Cup of coffee": ("我不是在喝咖啡，我是在给自己续命。", "没加糖，生活的苦先预习一下。"),
        "Rocket": ("这是我的房租，已经看不见了。", "下班时间一到，我本人。"),
        "Robot": ("验证码说我不是人，我信了。", "工作被它抢了，腰疼怎么没一起抢走？"),
        "Pizza": ("唯一让我看懂的饼图。", "老板画的饼，终于有馅了。"),
        "Astronaut": ("终于租到没有邻居的房子，就是通勤有点远。", "居家办公，家有点高。"),
        "Elephant": ("听说我在房间里，你们都装没看见？", "记性好有什么用，密码还是忘。"),
        "Clock": ("一天准两次，比天气预报强。", "再睡五分钟，它都听累了。"),
        "Owl": ("凌晨三点了，我们谈谈。", "睁一只眼闭一只眼，说的就是我上夜班。"),
        "Photographer": ("别动，我还能再拍一千张。", "原图直出，出不来的那种。"),
        "Snail": ("你的文件正在下载，请看直播。", "这么小就有房，还没贷款。"),
        "Coins": ("我的全部家当，合个影。", "散装的财务自由。"),
        "Dog": ("谁是乖孩子？这题我想写进年终总结。", "你的截止日期，我埋院子里了。"),
        "Umbrella": ("除了下雨天，哪天都好用。", "坐过的地铁比你还多，都是被落下的。"),
        "Galaxies": ("两万亿个星系，我家厨房还是没信号。", "键盘缝里的饼干渣，放大版。"),
        "Car": ("自动驾驶，主要驶向修理厂。", "买的时候四个圈，加油的时候一个坑。"),
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
