# 机器人说的中文。名字说明什么时候说；$ 开头的会被填上。

start =
    嗨，我是 Jokebot。发张照片来，我还你一个笑话。
    好不好笑，按 😂 🙂 😐 告诉我，你越实在，我越长进。按 🔁 再来一个。

help =
    发张照片给我，直接发或者当文件发都行，贴纸和动图也可以。配上一句话，我会当作提示。

    😂 🙂 😐  好不好笑，你说了算，随时可以改
    🚩  讲得过分了，把它藏起来
    ✍️  你来写个更好笑的，让大家打分
    🔁  同一张照片，换个风格再来一个{ $album ->
        [per_album] {"\u000A"}🖼 2  讲讲相册里的第二张
       *[per_photo] { "" }
    }

    在群里，叫我我才说话（/settings 里可以改）：照片配文里 @{ $bot }，用照片回复我，或者用 /joke 回复别人的照片。

    /explain  回复一个笑话：笑点在哪儿
    /better  回复一个笑话：写上你的神回复
    /oogiri  在群里回复一张照片：每人来一句神回复，我也来，然后投票
    /best  这里最好笑的笑话
    /mine  最近给你讲的笑话，还有你写的
    /stats  看看战绩
    /style  换个笑话风格；只给一张照片换，就在配文里写 #谐音梗、#一本正经、#荒诞 或 #脑洞
    /settings  这里的设置
    /language  换一种语言
    /privacy  我存了你的哪些内容
    /private  不让我用你的内容学习
    /forget  让我把你的一切都忘掉

command-start = 打个招呼
command-help = 我会什么
command-joke = 给你回复的那张照片配个笑话
command-explain = 你回复的笑话，笑点在哪儿
command-better = 给这张照片写个你的神回复
command-oogiri = 同一张照片，每人来一句神回复，然后投票
command-best = 这里最好笑的笑话
command-mine = 最近给你讲的笑话，还有你写的
command-stats = 看看战绩
command-style = 换个笑话风格
command-settings = 这里的设置
command-language = 换一种语言
command-privacy = 我存了你的哪些内容
command-private = 让不让我用你的内容学习
command-forget = 让我把你的一切都忘掉

# 不是照片
command-unknown = 这个命令我不认识。我会什么，/help 里都有。
say-photo = 光说不行，得有图。发张照片来吧！
joke-about-what = 给哪张照片配笑话？发一张来，或者用 /joke 回复一张照片。
not-a-photo-video = 视频太快了，我一次只看得了一张。截一帧当照片发来吧。
not-a-photo-animation = 它动来动去，我看不清。截一张不动的发来，马上开讲。
not-a-photo-sticker = 贴纸真可爱，可惜它老动，我看不清。来张不动的，或者发张照片？
not-a-photo-voice = 我有眼睛，没长耳朵。换张照片？
not-a-photo-document = 这个文件里没有我能打开的图。JPEG、PNG、WebP 最稳妥。
not-a-photo-other = 这个我不知道该从哪儿笑起。换张照片就不一样了……

# 用不了的照片
photo-empty = 这个文件是空的，零字节，零笑点。再发一次？
photo-not_a_picture = 这个文件我打不开，不像是图片。JPEG、PNG、WebP 最稳妥。
photo-heic = 这是 HEIC 文件，我打不开。别当文件发，直接当照片发，Telegram 会把它转成我看得懂的。
photo-broken = 这张图坏了，只有半截。麻烦再发一次。
photo-too_many_bytes = 这个文件太沉了，我最多扛得动 { $megabytes } MB。别当文件发，直接当照片发，它自己会瘦下来。
photo-too_many_pixels = 像素太多啦，我一次最多看 { $megapixels }00 万像素。发张小一点的吧。
photo-too_costly = 这张图一展开就大得没边，我实在摆弄不动。别当文件发，直接当照片发，它自己会变轻。
photo-too_small = 我眯着眼也没看清，这图太小了。有大点的吗？
photo-too_narrow = 这哪是图，这是条线。来张方正点的吧。
photo-video = 这个文件里是视频。我一次只看一张，截一帧当照片发来吧。
photo-lost = 照片在半路上丢了。再发一次好吗？
photo-unreachable = 这会儿我拿不到照片，不是你的问题，管理员已经知道了。晚点再发一次？
photo-declined = 这张我就不拿来开玩笑了，也没有保存。换一张试试吧！
photo-unchecked = 这会儿没法仔细看这张，所以没有保存。过一会儿再发一次？
photo-gone = 那张照片已经不在我这儿了。再发一次，我重新看。

# 写笑话的引擎
engine-down = 我的幽默感正在维修，过几分钟再来找我吧。
engine-slow = 这张我琢磨太久，只好先停下。过一会儿再发一次吧。
engine-empty = 看了半天，愣是没憋出来。再发一次，或者换一张？
joke-blocked = 这张我想了几个，可都不适合讲出来。换一张试试？
engine-cut_off = 正要抖包袱，线断了。再发一次？
engine-refused = 这张被后台拦下了，我也没办法。换一张吧。

# 排队
place = ⏳ 排队中，你是第 { $place } 个。
place-training = 📚 我去研究你们的笑点了。你的图排在第 { $place } 位，给你留着，我回来就讲。
place-swap = 🎩 我去换个新版的自己，马上回来。你的图排在第 { $place } 位，给你留着。
queue-mine = 你已经有 { $limit } 张照片在我这儿了，等我消化一下再发。
queue-mine-aside =
    { queue-mine }
    （有 { $aside } 张没顾上。）
storage-wait = 📝 我的小本子这会儿打不开，得稍等。你发的我收着呢，一能写就回你，不用重发。
queue-full = 现在人人都想听笑话，队已经排满了。过几分钟再来吧。

# 按钮
rated = 记下了：{ $emoji }
rated-own = 这是你自己写的，让别人来打分吧。
rated-same = 本来就是 { $emoji }
# 群里票数晚一点才显示在按钮上
rated-group = 记下了：{ $emoji }　目前：{ $counts }
rated-same-group = 本来就是 { $emoji }　目前：{ $counts }
another-coming = 再来一个，马上！
number-coming = 第 { $number } 张，马上来！

# 笑话下面的 🚩
flag-done = 已经藏起来了，谢谢你告诉我。
flag-hidden = 🚩 这个笑话藏起来了，我也不会拿它学习。按 ↩️ 可以放回来。
flag-is-hidden = 那个笑话已经藏起来了。
flag-undone = 放回来了。
flag-limit = 你今天已经藏了 { $limit } 个笑话。这一个，请找群管理员来处理吧。
flag-settled = 管理员看过这个笑话，决定留着它。
flag-kept = 管理员看过这个笑话，决定一直藏着。
flag-not-yours = 只有藏它的人、点它的人，或者管理员，才能放回来。
flag-notice =
    🚩 { $who }{ $chat ->
        [private] 在私聊里
       *[other] 在“{ $chat }”群里
    }藏起了一个笑话：

    { $joke }

    { $kind ->
        [punchline] 作者
       *[other] 点笑话的人
    }：{ $asker }。藏着的时候，我不再展示它，也不拿它学习。
flag-restore = ↩️ 放回来
flag-keep = 🚩 一直藏着
flag-ban = 🚫 封禁 { $who }
flag-restore-done = 放回来了，又算数了。
flag-keep-done = 一直藏着。
flag-ban-done = 已封禁。发 /unban { $person } 可以撤销。

# 神回复：大家接着笑话自己写的
punchline-ask = ✍️ { $user }，你来个更好笑的？回复这条消息，写上你的神回复。
punchline-placeholder = 你的神回复
punchline-first = ✍️ 你的第一条！我会署上你的名字发在这里，让大家打分，也可能拿来学习；发过 /private，就不署名也不学。
punchline-first-yes = ✍️ 发出去
punchline-first-round = 🎭 你的第一条！投票时不写名字，揭晓时才说是谁写的。我也可能拿来学习；发过 /private，就不署名也不学。
punchline-first-round-yes = 🎭 参加
punchline-by = ✍️ { $author }
punchline-unnamed = ✍️ 群友所写
punchline-member = 一位群友
punchline-withdrawn = 收回了。
punchline-gone = ✍️ 这条神回复被作者收回了。
punchline-not-yours = 只有作者本人可以按。
punchline-limit = 一天之内你已经写了 { $limit } 条。让别人也试试，明天再来吧。
punchline-empty = 这里面我没找到笑点。写几个字吧。
punchline-long = 神回复贵在短：最多 { $length } 个字、6 行。
punchline-link = 神回复里请不要放链接或邮箱。
punchline-known = 这张照片已经有人这么说过了。换一句？
punchline-declined = 这一句我不太想发出来。换一句？
punchline-unchecked = 这一句我刚才没能好好看。过一会儿再试试？
punchline-as-chat = 神回复得有个作者：请用你自己的身份发，不要用群或频道的名义。
punchline-late = 这条已经不能改了。按下面的 🗑 可以收回。
better-what = 比哪个更好笑？用 /better 加上你的神回复，回复我的一个笑话，大家来打分。
better-off = 这里没有开放神回复。

# 群里的大喜利
oogiri-open =
    🎭 大喜利开场！这张照片，你来配一句？回复这条消息，或者私下发给我，投票之前谁也看不到。我的已经写好了。

    { $minutes } 分钟后投票。{ $entries ->
        [0] 还没人写。
       *[other] 已经有 { $entries } 句了。
    }
oogiri-closed = 🎭 大喜利时间到：{ $entries ->
        [0] 没人写。
       *[other] 一共 { $entries } 句，再加上我的。
    }
oogiri-credit = 📷 { $credit }
oogiri-secretly = 🙈 私下写
oogiri-end = ⏹ 时间到
oogiri-ballot =
    🗳 哪句最好笑？每人两票，不能投自己；再按一下就收回。{ $minutes } 分钟。
oogiri-counted = 🗳 投票结束。
oogiri-result =
    🎭 { $voted ->
        [no] 没人投票，那就人人都赢。谁写了什么：
       *[other] 结果：
    }
oogiri-line = { $author } · { $votes } 票
oogiri-bot = 🤖 我
oogiri-unplayed =
    🎭 这次没人玩。我本来想说的是：
oogiri-nothing = 🎭 这次没人玩。
oogiri-week = 🏅 本周积分：{ $table }
oogiri-ever = 🏛 总积分：{ $table }
oogiri-entered = ✍️ 收到！时间到之前再发一句，就换成新的。
oogiri-late = 这一轮已经不收了。
oogiri-running = 这里正在进行一轮，一轮一轮来！
oogiri-enough = 今天玩得够多了，明天再来！
oogiri-groups = 就咱们俩玩不起来：到群里，用 /oogiri 回复一张照片或者我的一个笑话。
oogiri-what = 用 /oogiri 回复一张照片，或者我的一个笑话：每人来一句神回复，我也来，然后投票。
oogiri-what-pack = 直接发 /oogiri，我来出一张图；也可以用 /oogiri 回复一张照片，或者我的一个笑话。每人来一句神回复，我也来，然后投票。
oogiri-no-picture = 我手头正好没有图。用 /oogiri 回复一张照片，或者我的一个笑话吧。
oogiri-gone = 🎭 这一轮结束了：照片已经删掉了。
oogiri-paused = 🎭 连着 { $rounds } 轮都没人玩，我先歇着。想玩随时发 /oogiri；只要有人玩了，我每天还会按点来。
oogiri-not-yours = 只有开局的人，或者群管理员，才能按。
oogiri-vote-voted = 记下了。你投了：{ $votes }
oogiri-vote-unvoted = 收回了。你投了：{ $votes }
oogiri-vote-own = 这是你自己写的，让别人来评吧。
oogiri-vote-limit = 两票都投了：{ $votes }。按其中一个可以收回。
oogiri-vote-closed = 投票已经结束了。
stats-rounds = 🎭 大喜利：和你们的神回复比，我赢了 { $share }%，共 { $rounds } 轮（95% 区间：{ $low }% 到 { $high }%）。
stats-rounds-few = 🎭 大喜利：有神回复、有投票的一共 { $rounds } 轮，还看不出谁更好笑；满 { $needed } 轮就能说了。
stats-rounds-models = 按模型：{ $models }
stats-rounds-model = { $model } { $share }%（{ $low }–{ $high }%）
stats-rounds-model-few = { $model }：{ $rounds } 轮，太少
weekly-rounds = 🎭 这周的大喜利：和你们的神回复比，我赢了 { $share }%，共 { $rounds } 轮（95% 区间：{ $low }% 到 { $high }%）。
weekly-rounds-few = 🎭 这周的大喜利：{ $rounds } 轮，还看不出谁更好笑。

button-unknown = 这个按钮我认不出来了。发张照片，咱们重新来。
button-failed = 没收到，再按一下？
button-wait = 这会儿记不下来，等能记了我马上补上，不用再按。

# 一张照片两个笑话，请人来选
duel =
    { $open ->
        [no] 这张我想了两个。有一个藏着的时候，没法选。
       *[other] 这张我想了两个，拿不定主意。哪个更好笑？
    }

    🅰️ { $a }

    🅱️ { $b }
duel-meh = 😐 都不行
duel-chosen-a = 你选了 🅰️，记下了，谢谢！
duel-chosen-b = 你选了 🅱️，记下了，谢谢！
duel-chosen-meh = 都不行啊，记下了，我再练练。
duel-hidden = 其中一个藏起来了，现在没法选。
duel-again = 你已经选过啦
watch-fell = ⏪ 我让模型 { $model } 和上一个同时讲笑话比了比：它的好评率是 { $now }%，上一个是 { $before }%。我换回模型 { $back } 了。
watch-untested = 🔎 模型 { $model } 可能不如上一个：现在的好评率是 { $now }%，之前是 { $before }%。这里没法同时运行两个模型做公平的对比，所以先不换。想换回模型 { $back }，就发 /rollback。

stats-punchlines = ✍️ 神回复：你写了 { $mine } 条，大家一共写了 { $all } 条。
stats =
    你：{ $photos } 张照片，{ $jokes } 个笑话，{ $ratings ->
        [0] 还没打过分
       *[other] { $ratings } 次打分，{ $liking }% 给了 😂 或 🙂
    }。
    大家：{ $all-photos } 张照片，{ $all-jokes } 个笑话，{ $all-ratings ->
        [0] 还没人打过分
       *[other] { $all-ratings } 次打分，{ $all-liking }% 给了 😂 或 🙂
    }。

# 学习有多大用处：现在的模型和最初的模型比，哪张照片归谁由随机决定
progress-more = 📈 我的笑话比刚开始时更受欢迎：好评率现在是 { $now }%，最初是 { $before }%，高出 { $points } 个百分点（95% 区间：{ $low } 到 { $high }）。
progress-less = 📉 我的笑话不如刚开始时受欢迎：好评率现在是 { $now }%，最初是 { $before }%，低了 { $points } 个百分点（95% 区间：{ $low } 到 { $high }）。
progress-even = 📊 我的笑话是不是比刚开始时更受欢迎，现在还说不准：好评率现在是 { $now }%，最初的模型是 { $before }%（95% 区间：{ $low } 到 { $high } 个百分点）。
progress-few = 📊 我比刚开始时进步了多少，现在还说不准：最初的模型目前{ $photos ->
        [0] 还没有一张照片的笑话有人打分
       *[other] 只有 { $photos } 张照片的笑话有人打分
    }。
progress-unknown = 📊 我比刚开始时进步了多少，说不出来：最初的模型已经不在，没法比较。
judge-learning = ⚖️ 大家更喜欢哪种笑话，我还摸不准（目前有 { $ratings } 次打分），所以先不挑。
judge-unproven = ⚖️ 我会先写几个笑话，再按你们的口味挑一个。才 { $ratings } 次打分，只能算猜，挑得准不准还看不出来。
judge-accuracy = ⚖️ 我会写几个笑话，按大家的口味挑一个：拿两个我没学过的笑话来，我有 { $right }% 能猜中哪个更受欢迎（至少 { $low }%）。
judge-gain = 我挑的笑话好评率是 { $chosen }%，随机的是 { $random }%（差距的 95% 区间：{ $low } 到 { $high } 个百分点）。
judge-gain-few = 这样挑能好多少，现在还说不准。
progress-first = 📊 我还是最初的那个模型；打分够了我就会学习。

# 笑话的风格。style-…-words：配文里写上 # 加这个词，或者只写这个词，那张照片就用这个风格。
style-usual = 默认
style-neutral = 普通笑话
style-pun = 谐音梗
style-deadpan = 一本正经
style-absurd = 荒诞
style-naodong = 脑洞大开
style-surprise = 随便来一种
style-neutral-words = 普通笑话
style-pun-words = 谐音, 谐音梗
style-deadpan-words = 一本正经, 冷笑话
style-absurd-words = 荒诞
style-naodong-words = 脑洞, 脑洞大开
style-surprise-words = 随机, 随便来一种

# 群里定了一天讲几个
daily-full = 今天的 { $jokes } 个笑话讲完啦。嗓子歇一歇，过了零点再来！
daily-full-private = 你今天的 { $jokes } 个笑话讲完啦。嗓子歇一歇，过了零点再来！

# /stats 的图，给管理员看
stats-title = 大家玩得怎么样
stats-period = { $first } 到 { $last }，共 { $days } 天
stats-date = { $year }年{ $month }月{ $day }日
stats-day = { $month }/{ $day }
stats-number = { $number }
stats-tile-photos = { $number ->
       *[other] 张照片
    }
stats-tile-jokes = { $number ->
       *[other] 个笑话
    }
stats-tile-ratings = { $number ->
       *[other] 次打分
    }
stats-tile-liked = 好评
stats-ratings = 每天的打分
stats-funny = 好笑
stats-somewhat = 还行
stats-unfunny = 不好笑
stats-liking = 各模型的好评率
stats-method = 好评：好笑或还行，占全部打分的比例。横条：95% 置信区间（Wilson）。
stats-photos = 每天的照片
stats-latency = 讲一个笑话要多久
stats-median = 中位数
stats-slowest = p95
stats-seconds = 秒
stats-weekly = 按周平均
stats-nothing = 还什么都没有

# /explain；回复笑话时说 explain-words 里的词也行，用逗号隔开
explain-words = 解释, 解释一下, 解释下, 笑点在哪, 笑点在哪里
explain-what = 解释哪个？用 /explain 回复我讲过的一个笑话，我来拆给你看，拆完可就不好笑了。

# /best 和 /mine
best-title = 🏆 这里最好笑的笑话
best-none = 这里还没有哪个笑话脱颖而出。先给几个笑话按 😂，回头再来问我。
mine-title = 🗂 最近给你讲的笑话，还有你写的
mine-none = 我在这儿还没给你讲过笑话。发张照片来，马上补上！

# /settings；/style 是其中一页。以小图开头的写在按钮上，要短。
settings-group = ⚙️ 本群设置
settings-private = ⚙️ 你的设置
settings-language = 🌐 笑话用：{ $value }
settings-style = 🎭 风格：{ $value }
settings-answers = 📷 什么时候讲：{ $value }
settings-daily = ⏳ 一天几个：{ $value }
settings-gentle = 🧸 温和的笑话：{ $value }
settings-punchlines = ✍️ 神回复：{ $value }
settings-oogiri = 🎤 每天一轮大喜利：{ $value }
settings-weekly = 🏆 每周精选：{ $value }
settings-changers = 🔑 谁能改：{ $value }
settings-back = ‹ 返回
settings-close = 好了
settings-saved = 记住了
settings-look = 这些只有群管理员能改，他们发 /settings 就行。
settings-look-style = 这些只有群管理员能改。只想换一张照片的风格，就在配文里写 #谐音梗、#一本正经、#荒诞、#脑洞 或 #随机。
settings-admins-only = 这个只有群管理员能改。
settings-language-ask = 我用什么语言讲笑话？也可以谁点的就用谁的语言。
settings-language-any = 各人自己的语言
settings-style-ask =
    在这儿我用什么风格讲笑话？

    只想换一张照片的风格，就在配文里写 #谐音梗、#一本正经、#荒诞、#脑洞 或 #随机。
settings-answers-ask =
    哪些照片要我讲笑话？

    叫我时：配文里 @ 我，用照片回复我，或者用 /joke 回复一张照片。
    每张照片：照片和当文件发的图片都讲。动图、视频和贴纸还得叫我一声。
settings-answers-called = 叫我时
settings-answers-photos = 每张照片
settings-blind = ⚠️ Telegram 现在不让我看到所有照片。请把我设为群管理员，或者请我的主人到 @BotFather 关掉群隐私模式。
settings-daily-ask = 这个群一天一共讲几个笑话？每天零点重新算（{ $zone } 时间）。
settings-daily-none = 不限
settings-gentle-ask =
    讲笑话时，不拿人的长相、身材和小孩开玩笑，好吗？

    每次我都会这么要求自己，多半做得到。万一说过了头，按笑话下面的 🚩 就能藏起来。
settings-gentle-on = 开
settings-gentle-off = 关
settings-punchlines-ask =
    大家可以接着我的笑话写神回复吗？按笑话下面的 ✍️，发 /better，或者用 ✍️ 开头回复。

    不管开不开，/oogiri 都能玩。
settings-punchlines-on = 开
settings-punchlines-off = 关
settings-oogiri-ask =
    要不要我每天开一轮大喜利？我出一张图，每人来一句神回复，我也来，然后投票。几点开始？（{ $zone } 时间）
settings-oogiri-off = 不开
settings-weekly-ask =
    每周一次，我可以把你们最喜欢的照片连同笑话再拿出来乐一乐：{ $day ->
        [mon] 周一
        [tue] 周二
        [wed] 周三
        [thu] 周四
        [fri] 周五
        [sat] 周六
       *[sun] 周日
    } { $hour }:00（{ $zone } 时间）。要吗？

    发过 /private 的人不会出现，冷清的一周就不发了。
settings-weekly-on = 开
settings-weekly-off = 关
settings-changers-ask = 谁可以改本群设置？
settings-changers-admins = 管理员
settings-changers-all = 所有人

# 每周精选
weekly-title = 🏆 这一周你们最喜欢的

# /language
language-name = 中文
language-ask = 想让我跟你说哪种语言？笑话也会跟着换。
language-app = 跟 Telegram 应用一致
language-chosen = 好，以后就说中文，笑话也讲中文的。
language-as-app = 好，你的 Telegram 应用是什么语言，我就说什么语言。

# /privacy 和 /private
privacy =
    我存了这些：你在 Telegram 上的名字、你发的照片（去掉了地点和相机信息）、配文、我讲的笑话、你写的神回复、你打的分，还有你选过的语言。照片、笑话、神回复和打分我可能会拿来学习。{ $state }

    大喜利的投票我也会记下来，可能拿来学习。一票一分；不过，要是你老投同一个人，明显比别人投得多，多出来的票不计分。

    /private  让我学还是不学，随时可以改
    /forget  把你的一切彻底删掉；备份里的最多再留 { $days } 天
privacy-kept-photos = 照片在最后一次发来 { $days } 天后自动删除，相关的笑话一起删。
privacy-kept-jokes = 笑话 { $days } 天后自动删除。
privacy-kept-ratings = 打分 { $days } 天后自动删除。
private-state-on = 你说过不让我学，所以你的内容我不拿来学习。
private-state-off = 不想让我学，发 /private。
private-on = 从现在起，你的照片、笑话、神回复和打分我都不拿来学习，神回复也不署你的名字，别的照旧。再发一次 /private 就恢复。
private-off = 谢谢！从现在起，我又可以从你的照片、笑话、神回复和打分里学习了，神回复也会署上你的名字。

# /forget
forget-ask = 真要我忘了你？你的照片、照片上的笑话、你写的神回复、你打的分，连同我学习用的那份，全部删掉，再也找不回来。
forget-yes = 忘了我吧
forget-no = 还是算了
forget-kept = 什么都没动。还认得你，真好！
forget-done = 都删了：{ $photos } 张照片，{ $jokes } 个笑话，{ $ratings } 次打分。以后你再发什么，咱们重新认识。
forget-nothing = 我这儿本来就没有你的东西。萍水相逢，也挺好。
forget-not-yours = 这是问别人的。你也想的话，自己发一个 /forget。

# 以群或频道的名义发言
own-name = 你现在是以群或频道的名义发言，这样的人可能不止一个。请用自己的身份再发一次，我才知道指的是谁的内容。
language-own-name = 你现在是以群或频道的名义发言，语言是跟着个人走的。这里的笑话用什么语言，可以在 /settings 里选。
forget-ask-chat = 真要我忘掉以本群名义发过的内容？那些照片和照片上的笑话，连同我学习用的那份，全部删掉，再也找不回来。成员用自己身份发的，由各人自己决定。
private-on-chat = 从现在起，以本群（频道）名义发的内容我都不拿来学习。再发一次 /private 就恢复。
private-off-chat = 谢谢！从现在起，我又可以从以本群（频道）名义发的内容里学习了。

# 谁能用：给还不认识的人和群
access-wait = 初次见面！我只给管理员认识的人讲笑话，已经去问他们了。这期间你可以先发照片（最多十张），他们一点头我就讲。
access-wait-group = 大家好，初次见面！我只在管理员认识的群里讲笑话，已经去问他们了。他们一点头我就回来。
access-closed = 我只给管理员认识的人讲笑话，咱们还不认识。抱歉啦！
access-closed-group = 我只在管理员认识的群里讲笑话，这个群还不认识。抱歉，先走一步！
access-no-admin = 我还不知道谁是我的管理员，所以谁都放不进来。如果你就是运行我的人：你的 Telegram id 是 { $id }，设好 JOKEBOT_TELEGRAM_ADMINS={ $id } 再启动我。
access-no-admin-group = 我还不知道谁是我的管理员，所以哪个群都进不了。运行我的人，请私聊给我发条消息。
access-button = 这个你现在还投不了票：管理员还不认识你。
access-welcome = 可以啦！发张照片来，我还你一个笑话。
access-welcome-group = 管理员同意了。在照片配文里 @ 我，或者用 /joke 回复一张照片就行，别的看 /help。
access-refused = 管理员说，我还是先只给他们认识的人讲吧。别往心里去！
access-refused-group = 管理员说，我还是先只待在他们认识的群里吧。再见，多笑笑！

# 同上，给管理员
access-ask-user =
    🚪 { $who } 想用我，让进来吗？{ $more ->
        [0] { "" }
       *[other] {"\u000A\u000A"}后面还有 { $more } 个在等。/requests refuse 可以全部回绝。
    }
access-ask-group =
    🚪 { $by } 把我叫进了群 { $who }，要在那儿讲笑话吗？{ $more ->
        [0] { "" }
       *[other] {"\u000A\u000A"}后面还有 { $more } 个在等。/requests refuse 可以全部回绝。
    }
access-yes = 让进来
access-no = 不让进
access-is-waiting = 🚪 { $who } 在等。
access-is-allowed = ✅ { $who } 可以用我了。{ $by ->
        [none] { "" }
       *[other] 点头的是 { $by }。
    }
access-is-refused = 🚫 { $who } 不能用我。{ $by ->
        [none] { "" }
       *[other] 回绝的是 { $by }。
    }
access-is-withdrawn = ↩️ 你还没决定，{ $who } 已经走了。
access-gone = 这个请求已经不在了。
requests-in-private = 这里有大家的名字，所以只在私聊里给你看。
requests-open = 现在谁都能用我：access.strangers 是 “allow”。
requests-closed = 现在陌生人一律不让进，也不来问你：access.strangers 是 “refuse”。
requests-how = 发 /requests 看看谁在等，发 /requests refuse 全部回绝。
requests-waiting = { $count ->
        [0] 没有人在等。
       *[other] 有 { $count } 个在等，我再问你一遍，一次三个：
    }
requests-refused = { $count ->
        [0] 本来就没有人在等。
       *[other] 已回绝 { $count } 个。
    }

# 我们自己的错
defect = 我这边出了点毛病，不怪你。已经记下了，过一会儿再试试。
given-up = 这张我栽了好几次，只能放下了。抱歉！再发一次好吗？
apology-number = 要是告诉管理员，带上这个编号好查：{ $id }

# 给管理员
help-admin =
    { help }

    你是管理员，所以还有：
    /status  看看运行情况
    /retrain  训练一个新模型
    /runs  训练得怎么样了
    /review  看看接下来要学什么，不该学的划掉
    /models  有哪些模型
    /promote  让其中一个上线
    /rollback  换回上一个模型
    /users  都有谁来过
    /ban、/unban  封禁一个人，或者解封
    /requests  谁想用我
command-status = 看看运行情况
command-retrain = 训练一个新模型
command-runs = 训练得怎么样了
command-review = 看看接下来要学什么
command-models = 有哪些模型
command-promote = 让一个模型上线
command-rollback = 换回上一个模型
command-users = 都有谁来过
command-ban = 封禁一个人
command-unban = 解封一个人
command-requests = 谁想用我
admins-only = 这个只有管理员能用。不过照片谁都可以发！
not-your-button = 这是问别人的。
duration-days =
    { $days } 天{ $hours ->
        [0] { "" }
       *[other] {" "}{ $hours } 小时
    }
duration-seconds = { $seconds } 秒
duration-minutes = { $minutes } 分钟
duration-hours =
    { $hours } 小时{ $minutes ->
        [0] { "" }
       *[other] {" "}{ $minutes } 分
    }

# /status，给管理员
status-title = Jokebot { $version } · 已运行 { $time }
status-engine = 引擎{ $state ->
        [up] 正常
        [asleep] 在休息（正在训练或换模型）
       *[down] 没有回应
    }{ $all ->
        [0] { "" }
       *[other] {" "}· { $up }/{ $all } 就绪
    }{ $says ->
        [none] { "" }
       *[other] {" "}· { $says }
    }
status-queue = { $waiting ->
        [0] 没人排队
       *[other] { $waiting } 张照片在排队，最久的等了 { $time }
    }{ $working ->
        [0] { "" }
       *[other] {" "}· { $working } 张在处理
    }
status-seconds = { $seconds } 秒
status-model = 模型 { $model } · { $called }
status-predecessor = {" "}· 正在跟上一个对比：{ $model } · { $called }，{ $share }%
status-canary = {" "}· 试用：{ $model } · { $called }，{ $share }%
status-gpu = { $card } · { $used }/{ $all } GB
status-gpu-gone = nvidia-smi 看不到显卡
status-disk = 剩余 { $free } · 数据 { $data } · 数据库 { $database }
status-backup = { $time }前备份过
status-backup-none = 还没有备份
status-backup-off = 没有开自动备份（backup.every_h 是 0）
status-run = 第 { $run } 次训练{ $what }，{ $time }前。{ $next }
status-run-none = 还没训练过。{ $next }
status-run-now = 第 { $run } 次训练 · { $what }
status-judge = 评判模型 { $time }前更新，用了 { $ratings } 次打分 · 没见过的笑话两两比较，{ $right }% 判断正确（至少 { $low }%）{ $used ->
        [no] ；确定高于 50% 之前不启用
       *[yes] {""}
    }
status-judge-none = 还没有评判模型，需要 { $ratings } 次打分
status-judge-failed = 上次更新失败：{ $reason }
status-next = { $when ->
        [none] 下一次：等人发 /retrain
       *[other] 下一次：{ $when }
    }
status-errors = 最近 24 小时{ $count ->
        [0] 没有错误
       *[other] 有 { $count } 个错误，详见日志
    }
status-unknown = { $what }：暂时查不到
status-what-engine = 引擎
status-what-queue = 排队
status-what-model = 模型
status-what-gpu = 显卡
status-what-disk = 磁盘
status-what-backup = 备份
status-what-run = 训练
status-what-judge = 评判模型
status-what-errors = 错误

# /users、/ban、/unban；banned 是说给被封的人听的
users-in-private = 这些是大家的名字，只在咱俩的私聊里给你看。
users-none = 还没有人来过。
users-title = 👥 { $people } 个人，最活跃的在前
users-did = { $photos } 张照片，{ $jokes } 个笑话，{ $ratings ->
        [0] 没打过分
       *[other] { $ratings } 次打分（{ $liking }% 是 😂 或 🙂）
    }{ $last ->
        [none] { "" }
       *[other] {" "}· 最近 { $last }
    }
users-banned = { $until ->
        [good] 永久封禁
       *[other] 封禁到 { $until }
    }
ban-how = 回复对方的一条消息发 /ban，或者发 /ban @名字、/ban 加编号（/users 里有）。后面可以加多久（30m、12h、3d、2w，或 3天）和原因。
unban-how = 回复对方的一条消息发 /unban，或者发 /unban @名字、/unban 加编号；编号 /users 里有。
ban-unknown = 我不认识 { $who }。回复对方的一条消息发 /ban，或者给我编号；/users 里有。
ban-admin = 那是管理员，管理员不能封。
ban-bot = 那是个机器人，我本来就不理它们。
ban-done =
    🚫 已封禁（{ $until ->
        [good] 永久
       *[other] 到 { $until }
    }）：{ $who }{ $reason ->
        [none] { "" }
       *[other] （{ $reason }）
    }。我不再回应，这期间对方打的分也不算。发 /unban { $person } 可以撤销。
ban-news = 🚫 { $admin } 封禁了 { $who }（{ $until ->
        [good] 永久
       *[other] 到 { $until }
    }）{ $reason ->
        [none] 。
       *[other] ：{ $reason }
    }
unban-done = ✅ 欢迎回来：{ $who }。以前打的分也重新算数了。
unban-none = 没有封禁：{ $who }。
unban-news = ✅ { $admin } 解封了 { $who }。
banned = 管理员让我{ $until ->
        [good] 别再回应你了，请别往心里去
       *[other] 在 { $until } 之前先不回应你；到时候我再来看你的新照片
    }。想让我忘掉你的一切，/forget 还是可以用。

# 给管理员的警报。began 是出事了，ended 是好了；先前没法通知的，两句一起说
alert-engine-began = 🔴 引擎已经 { $minutes } 分钟没有回应了，用户那边我会好好解释。{ $why ->
        [none] { "" }
       *[other] 它说：{ $why }。
    }详情看 /status。
alert-engine-ended = 🟢 引擎恢复了，中断了 { $time }。
alert-disk-began = 🔴 磁盘快满了，只剩 { $free } GB。满了以后，新照片会先留在 Telegram 那边。
alert-disk-ended = 🟢 磁盘又有空间了。
alert-backup-began = 🔴 备份失败：{ $why } 我每十分钟再试一次。
alert-backup-ended = 🟢 备份又正常了。
alert-database-began = 🔴 数据库写不进去：{ $why }。恢复之前，照片和打分先留在 Telegram 那边。
alert-database-ended = 🟢 数据库又能写了，中断了 { $time }。这期间发来的，正在补上。
alert-webhook-began = 🔴 Telegram 连不上我，有 { $waiting } 条消息在等：{ $why }
alert-webhook-ended = 🟢 Telegram 又能连上我了。
alert-gpu-began = 🔴 有显卡不见了：{ $had } 块只剩 { $now } 块。可以在主机上用 nvidia-smi 看看原因。
alert-gpu-ended = 🟢 显卡都回来了。
alert-files-began = 🔴 我读不到大家发来的照片。{ $why }
alert-files-ended = 🟢 又能读到大家发来的照片了。
alert-token-began = 🔴 { $began }，Telegram 拒绝了我的 token，我只好停下。
alert-token-ended = 🟢 过了 { $time }，token 又能用了。
alert-job-began = 🔴 后台有件事出错了：{ $job }（{ $why }）。详情看日志。我会自己再试，照片照常回答。
alert-job-ended = 🟢 后台的事又正常了：{ $job }。
job-engine-greeting = 等待引擎
job-command-menu = 命令菜单
job-retrain-schedule = 定时训练
job-prune-inbox = 清理处理完的消息
job-check-database = 检查数据库
job-erasure = 清除要忘掉的数据
job-backup = 备份
job-access = 处理使用申请
job-decoders = 启动图片解码进程
job-alert-checks = 检查警报
job-alert-messages = 发送警报
job-weekly-digest = 每周精选
job-user-names = 记录用户名字
job-base-share = 最初模型的份额
job-progress-news = 每周的进步
job-oogiri = 大喜利
job-oogiri-schedule = 每天定点的大喜利
job-hidden-votes = 稍后显示的票数
job-run-orchestrator = 训练流程
job-run-messages = 训练消息
job-control-requests = 命令行的请求
job-judge = 更新评判模型
job-champion-monitor = 观察新模型
alert-damaged = 🔴 我不得不停下：{ $why }

# /retrain
retrain-ask =
    要训练一个新模型吗？

    📚 { $new } 个大家喜欢的新笑话{ $replayed ->
        [0] { "" }
       *[other] ，再温习 { $replayed } 个旧的，免得忘了
    }{ $left ->
        [none] { "" }
       *[other] {"\u000A"}↳ { $left }
    }
    👥 { $people } 个人打的分
    ⏱ { $time }
    🧪 { $verdict }
    💬 { $service }
trial-forecast = 照每天 { $pace } 次打分的速度，在聊天里试用最多要 { $days } 天。要是新模型的好评率真能高 { $effect } 个百分点，我有 { $power }% 的把握看出来。
trial-forecast-guess = 打满 { $ratings } 次分，试用就结束。打分这么少只能算猜：只要新模型的笑话没有明显更差，就留下它。
trial-forecast-unknown = 四周以来没人给笑话打过分，所以在聊天里试用暂时分不出高下。
retrain-time = 照以往的经验，大约 { $time }。
retrain-time-unknown = 这儿还是头一回，开始了才知道要多久。
retrain-time-by-h100 = 照同类显卡上的实测，训练大约要 { $time }，新旧对比另算。这儿还是头一回。
retrain-time-by-gpu = 在 H100 上训练大约要 { $time }，新旧对比另算。你这块卡我还没试过，也许要好几倍。
retrain-time-by-cpu = 照两个忙着的 CPU 核上的实测，训练也许要 { $time }，新旧对比另算。这儿还是头一回。
retrain-service-url = 训练时我照样讲笑话。引擎不归我管：新模型要有人部署了，才能试用。
retrain-service-beside = 训练时我照样讲笑话，可能稍微慢一点。
retrain-service-sleep = 训练要独占显卡：这段时间照片先排着队，完了再一一回答。
retrain-left-out = 大家喜欢的 { $liked } 个里，这些先不学：{ $parts }。
retrain-left-held-out = { $count } 个的照片要留着比较新旧模型
retrain-left-near = { $count } 个的照片和那些太像
retrain-left-photo = { $count } 个的照片已经有够多的笑话
retrain-left-text = { $count } 个的话已经有了
retrain-left-user = { $count } 个会让一个人说了算太多
retrain-left-room = { $count } 个放不下
list-comma = 、
retrain-yes = 开始
retrain-no = 先不了
retrain-left = 好，一切照旧。
retrain-too-little = 能学的新笑话还太少：{ $new ->
        [0] 一个受喜欢的新笑话都还没有
       *[other] 只有 { $new } 个受喜欢的新笑话
    }，最好有 { $wanted } 个。多让几个人给更多照片打分就行。
retrain-started = 第 { $run } 次训练开始了。进展我在私聊里告诉你。
retrain-busy = 第 { $run } 次训练正在进行（{ $what }）。要停就发 /retrain cancel。
retrain-on-trial = 模型 { $model } 正在聊天里试用，已收到 { $ratings } 次打分，目标 { $wanted } 次。试用完了才能再训练。发 /retrain cancel 可以结束试用。
retrain-cancel-none = 没有可取消的：现在没在训练。
retrain-cancelling = 正在停止第 { $run } 次训练，稍等一下；正在用的模型不受影响。
retrain-how = 发 /retrain 训练新模型，发 /retrain cancel 停止。
retrain-cannot-look = 没法查看打分：{ $why }

# /review
review-in-private = 这些是别人的照片，只在咱俩的私聊里给你看。
review-joke =
    { $joke }

    😂 { $funny } · 🙂 { $somewhat } · 😐 { $unfunny }
    出自{ $model ->
        [none] 群友（神回复）
       *[other] { " " }{ $model }
    }。算上这个，还有 { $left } 个没看。{ $others ->
        [none] { "" }
       *[other] {"\u000A"}{"\u000A"}为这张照片还写过这些，没有用上：{"\u000A"}{ $others }
    }
review-keep = 留下
review-drop = 划掉
review-keep-done = 留下了：可以拿来学。
review-drop-done = 划掉了：永远不会拿来学。
review-gone = 那个笑话已经不在了。
review-none = 没有要看的了：今天要学的你都看过了。

# 训练进行中
run-title = 🎓 第 { $run } 次训练 · { $what }
run-state-queued = 等着开始
run-state-exporting = 挑选笑话
run-state-training = 训练中
run-state-merging = 合并模型
run-state-judging = 新旧对比
run-state-canary = 聊天中试用
run-state-promoted = 已上线
run-state-rejected = 不够好
run-state-undecided = 没有定论
run-state-failed = 失败了
run-state-cancelled = 已取消
run-doing-queued = 马上开始
run-doing-exporting = 正在挑大家最喜欢的笑话
run-doing-training = 准备中：训练正在启动
run-doing-training-checking = 准备中：检查笑话和照片
run-doing-training-library = 准备中：加载 XTuner
run-doing-training-model = 准备中：加载模型
run-doing-training-first = 正在算第一步
run-doing-training-saving = 所有步都算完了，正在保存
run-doing-merging = 正在把学到的合进模型
run-doing-judging = 两个模型正对着都没学过的照片讲笑话
run-waiting-canary = 正在用的模型还在跟上一个做对比，比完了新模型才开始试用。
run-doing-judging-loading = 正在加载下一个模型
run-doing-judging-comparing = 正在比较两边的笑话
run-doing-canary-deciding = 打分够了，马上出结果。
run-doing-canary = 现在一部分照片交给新模型，大家的打分说了算。
run-doing-canary = 新模型正在启动，随后会有一部分照片交给它，大家的打分说了算。
run-answers = 已答 { $done }/{ $of }
run-ratings = 已有 { $done }/{ $of } 次打分
run-missing = 还差 { $missing } 次打分。继续发照片，在笑话下面点 😂、🙂 或 😐；同时来两个笑话时，选 🅰️ 或 🅱️。打完就告诉你留下哪个模型。
run-step = 第 { $done } 步，共 { $of } 步 · 损失 { $loss }
run-left = 大约还要 { $time }
run-stopping = 正在停止……

# 训练结束
run-judged-canary = 🧪 第 { $run } 次训练：模型 { $model } 在没见过的照片上表现不错，现在进聊天里试用。
run-ended-promoted = 🎉 第 { $run } 次训练：模型 { $model } 上线了。
run-ended-rejected = 🙅 第 { $run } 次训练：新模型不够好，还是用旧的。
run-ended-undecided = 🤷 第 { $run } 次训练：难分高下，还是用旧的。
run-ended-failed = ⚠️ 第 { $run } 次训练失败了。还是用旧的，大家察觉不到。
run-ended-cancelled = ✋ 第 { $run } 次训练已取消。还是用旧的。
run-liking = 共 { $ratings } 次打分：新模型的好评率是 { $new }%，旧模型是 { $old }%。
run-keep = 想用它的话：/promote { $model }
run-back = 想换回去：/rollback

# 把关的发现
gate-empty = 有些笑话是空的。
gate-broken = 有些笑话不成句子。
gate-language = 问的是一种语言，答的是另一种。
gate-likelihood = 大家喜欢的笑话，它反而更不会讲了。
gate-variety = 和最初的模型比，它会讲的笑话种类少了很多。
gate-entropy = 笑话变得单调了。
gate-distinct = 翻来覆去就那几个词。
gate-commonest-text = 同一个笑话讲了一遍又一遍。
gate-commonest-shape = 一种套路几乎占了全部。
gate-openings = 太多笑话开头都一样。
gate-closings = 太多笑话结尾都一样。
gate-per-photo = 对同一张照片总讲同一个笑话。
gate-phrase = 大多数笑话里都有同一句话。
gate-emoji = 几乎每个笑话都带同一个表情。
gate-emojis = 表情用得太多了。
gate-short = 笑话短了很多。
gate-long = 笑话长了很多。
gate-grounding = 笑话和照片几乎没有关系了。
gate-echo = 把用户写的配文当笑话又说了一遍。
gate-copying = 照搬训练时的原话。
gate-nothing = 留作检验的照片里还没有受喜欢的笑话，没法比较。多给些照片打分就好了。
gate-few = 留作检验的照片里，有受喜欢笑话的太少，说明不了多少。
gate-few-texts = 新笑话太少，看不出是不是越来越像。
gate-load = 它加载不了。
gate-prompt = 它读提示词的方式和旧的不一样。
gate-nan = 它算出来的不是有效的数值。

# 训练为什么结束，模型为什么没换
reason-admin = 管理员要求的。
reason-command = 命令行要求的。
reason-cancelled = 管理员把它停了。
reason-overtaken = 模型 { $model } 中途上线了，没有可比的了。
reason-attempts = “{ $step }”这一步开始了 { $times } 次，一次也没做完。{ $signal ->
        [none] { "" }
        [SIGKILL] 它是被强行终止的（SIGKILL），多半是内存不够。
       *[other] 它被 { $signal } 终止了。
    }
reason-killed = “{ $step }”这一步被 { $signal } 终止了。{ $signal ->
        [SIGKILL] 多半是内存不够。
       *[other] { "" }
    }
reason-died = 它的进程停了 { $times } 次，毫无进展。详情见日志。
reason-step = “{ $step }”这一步失败了：{ $what }
reason-silent = “{ $step }”这一步以代码 { $what } 结束，没有留下任何说明。详情见日志。
reason-launcher = 没法在另一台机器上训练（training.launcher）：{ $what }
reason-checkpoint = 没法从检查点接着训练：{ $what }
reason-defect = 程序出了毛病：{ $what }
reason-training-data = 数据没法拿来学：{ $what }
reason-training-empty = 数据集是空的，没有可学的：{ $what }
reason-training-memory = 内存不够，没法训练。调低 training.batch_size 会省一些。
reason-training-disk = 磁盘满了：{ $what }
reason-training-nan = 训练跑偏了，损失已经不是有效的数值。调低 training.learning_rate 也许管用。
reason-training-model = 这个模型没法训练：{ $what }
reason-training-deepspeed = 设置了 training.deepspeed，可训练环境里没装 DeepSpeed。
reason-training-crash = 训练崩溃了：{ $what }
reason-no-disk = 磁盘不够：连预留在内要 { $needed } GB，只剩 { $free } GB。腾点地方，或者调低 retrain.keep_models 或 training.keep_checkpoints。
reason-no-memory = 内存不够：连预留在内要 { $needed } GB，只剩 { $free } GB。停掉别的程序，或者调低 retrain.memory_reserve_gb。
reason-no-files = 这台机器上没有模型 { $model }（{ $called }）的文件，训练要用：设置 model.directory，或者用 jokebot models add 告诉我在哪儿。
reason-files-gone = 模型 { $model }（{ $called }）的文件不见了。
reason-no-model = 还没有登记过模型，没法开始：jokebot models add。
reason-dataset-gone = 数据集 { $dataset } 的文件不在了，请重新导入。
reason-unchanged = 自第 { $run } 次训练（{ $state }）以来没有变化，学的是同样的笑话。多打些分就好了。
reason-forgotten-given = 指定的数据集里，有后来要求被忘记的人的笑话。
reason-forgotten-often = 因为有人要求被忘记，它重来了 { $times } 次，不再试了。
reason-nothing-rated = 还没有可学的：没人给笑话打过分。
reason-nothing-new = 没有新东西可学：{ $jokes } 个打过分的笑话里，没有还没学过又用得上的。多一些照片、多一些人打分就好了。
reason-too-little = 能学的新笑话太少：只有 { $new } 个受喜欢的，至少要 { $wanted } 个。多一些照片、多一些人打分就好了。
reason-no-room = 放不下两个模型，所以没人能试用新的。{ $what }
reason-not-served = 新模型启动不了。{ $what }
reason-saw-forgotten = 模型 { $model } 不能上线：它学过的内容里，有的来自后来要求被忘记的人。
reason-no-such-model = 没有模型 { $model }。
reason-in-service = 模型 { $model } 已经在用了。
reason-being-judged = 第 { $run } 次训练还在检验模型 { $model }。等它的结论，或者取消这次训练。
reason-was-rejected = 模型 { $model } 已被淘汰，不能上线。
reason-files-removed = 模型 { $model } 的文件已经删了，不能上线。
reason-no-way-back = 前面没有模型可换回。
reason-trial-better = 大家更喜欢它的笑话：{ $ratings } 次打分里 { $likes } 次喜欢，旧的是 { $old-ratings } 次里 { $old-likes } 次。
reason-trial-worse = 大家没那么喜欢它的笑话：{ $ratings } 次打分里 { $likes } 次喜欢，旧的是 { $old-ratings } 次里 { $old-likes } 次。
reason-trial-guess = 打分这么少，只能算猜的：{ $ratings } 次打分里 { $likes } 次喜欢它的笑话，旧的是 { $old-ratings } 次里 { $old-likes } 次{ $duels ->
        [0] { "" }
       *[other] ，另外在 🅰️ 和 🅱️ 之间选了 { $duels } 次
    }。看不出它更差，就先用新的，发 /rollback 可以换回旧的。
reason-trial-quiet = 打了分的人更喜欢它的笑话，可给它打分的人变少了，或者点 🔁 换一个的变多了，所以信不过：{ $ratings } 次打分里 { $likes } 次喜欢，旧的是 { $old-ratings } 次里 { $old-likes } 次。
reason-trial-futile = 已经不太可能看出它更好笑了：{ $ratings } 次打分里 { $likes } 次喜欢，旧的是 { $old-ratings } 次里 { $old-likes } 次。
reason-trial-ratings = 打分够了，还是分不出高下：{ $ratings } 次打分里 { $likes } 次喜欢它的笑话，旧的是 { $old-ratings } 次里 { $old-likes } 次。
reason-trial-days = 时间到了，还是分不出高下：{ $ratings } 次打分里 { $likes } 次喜欢它的笑话，旧的是 { $old-ratings } 次里 { $old-likes } 次。

# 结束时的图
card-title-canary = 更好笑吗？现在由大家打分决定
card-title-promoted = { $known ->
        [yes] 更好笑了：好评率 { $new }%，之前 { $old }%
       *[no] 模型 { $model } 上线了
    }
card-title-guess = { $known ->
        [yes] 先猜它更好笑：好评率 { $new }%，之前 { $old }%
       *[no] 先猜它更好笑：模型 { $model } 上线了
    }
card-title-rejected = { $known ->
        [yes] 没有更好笑：好评率 { $new }%，之前 { $old }%
       *[no] 没有更好：检查发现了毛病
    }
card-title-undecided = { $known ->
        [yes] 还看不出高下：好评率 { $new }%，之前 { $old }%
       *[no] 还看不出高下
    }
card-subtitle =
    第 { $run } 次训练，学了 { $rows } 个笑话{ $time ->
        [none] 。
       *[other] ，用了 { $time }。
    }
before-after-open = 全部 { $jokes } 个笑话，前后对比
before-after-title = 第 { $run } 次训练：前后对比 { $page }/{ $pages }
before-after-subtitle = 同样的照片，同样的运气，只是换了模型。
before-after-gone = 这些笑话已经没有存着了。
card-loss = 训练中的损失
card-steps = 步数
card-direction = ↑ 越高越好，↓ 越低越好
card-measures = 新旧对比
card-before = 之前
card-after = 之后
card-photos = 没有学过的照片
measure-liking = 聊天里的好评率
measure-unchosen = 没经评判模型挑选的好评率
measure-ratings = { $ratings } 次打分
measure-likelihood = 受喜欢笑话的损失
measure-variety = 笑话种类
measure-commonest-text = 最常见的笑话
measure-short = 每个笑话的字数
measure-distinct = 不同的词对
measure-copying = 照搬原话
measure-replies = 失败的回答
measure-of = { $count }/{ $all }
measure-few = 照片太少，说明不了：{ $photos }/{ $needed }
measure-photos = { $photos } 张照片
measure-interval = { $photos } 张照片，变化 { $low } 到 { $high }

# /runs、/models、/promote、/rollback
runs-none = 还没训练过。发 /retrain 就开始。
runs-line = { $mark } { $run } · { $when } · { $what }{ $time ->
        [none] { "" }
       *[other] {" "}· { $time }
    }
models-none = 还没有模型。
models-title = 模型，最新的在前。发 /promote 加编号，就让它上线。
models-line = { $mark } { $model } · { $called } · { $status }{ $ratings ->
        [0] { "" }
       *[other] {" "}· 好评 { $liking }%，{ $ratings } 次打分
    }
model-status-base = 基座模型
model-status-candidate = 候选
model-status-canary = 试用中
model-status-champion = 使用中
model-status-retired = 已下线
model-status-rejected = 已淘汰
promote-how = 发 /promote 加模型编号，编号见 /models。
promote-unknown = 没有模型 { $model }，有哪些见 /models。
promote-already = 模型 { $model } 已经在用了。
promote-ask = 让模型 { $model }（{ $called }）接替模型 { $champion }（{ $champion-name }）吗？大家察觉不到；发 /rollback 可以换回来。
promote-yes = 让它上线
promote-no = 还是算了
promote-left = 好，什么都不变。
promote-under-way = 正在启动模型 { $model }……新的就绪之前，旧的继续回答。
promote-done = 模型 { $model } 上线了，用了 { $seconds } 秒。发 /rollback 可以换回来。
promote-failed = 没成，什么都没变：{ $why }
rollback-none = 没有可换回的：模型 { $model } 是第一个。
rollback-done = 换回模型 { $model }（{ $called }）了，用了 { $seconds } 秒。

## The admin pages of `jokebot sandbox`

panel-title = 管理
panel-tabs = 管理页面
panel-now = 现在
panel-runs = 训练
panel-models = 模型
panel-ratings = 打分
panel-number = { $number }
panel-run = 训练
panel-no-run = 现在没有训练。到了时间、受喜欢的新笑话攒够了，或者你发话，就会开始。
panel-retrain = 现在训练
panel-cancel = 停止训练
panel-cancel-trial = 结束试用
panel-in-chat = 机器人会在聊天里回答。
panel-loss = 损失
panel-step = 步数
panel-by-admin = 管理员要求
panel-by-command = 在终端里开始
panel-by-schedule = 定时开始
panel-by-pairs = 笑话攒够了自动开始
panel-serves = 谁在回答照片
panel-health = 运行状况
panel-engine = 引擎
panel-engine-up = 正常
panel-engine-down = 没有回应
panel-waiting = 排队的照片
panel-in-flight = 正在回答
panel-inbox = 待处理消息
panel-disk = 磁盘剩余
panel-gigabytes = { $free } GB
panel-servers = 服务器
panel-server-starting = 启动中
panel-server-checking = 检查中
panel-server-ready = 就绪
panel-server-given = 外部服务
panel-server-draining = 收尾中
panel-server-asleep = 休眠
panel-server-restarting = 重新启动中
panel-server-ended = 已停止
panel-restarts = 重启过 { $restarts } 次
panel-paused-training = 照片先等等：训练正占用显卡。
panel-paused-swap = 照片稍等片刻：正在换模型。
panel-no-runs = 还没有训练过。
panel-loading = 载入中…
panel-taught = 学了 { $rows } 个受喜欢的笑话。
panel-measures = 指标
panel-before = 之前
panel-after = 之后
panel-times = 用时
panel-jokes = 笑话
panel-picture = 训练结果图
panel-roll-back = 换回
panel-share = 分到
panel-from = 来自
panel-start = 权重来自
panel-liked = 好评
panel-beats = 胜过群友
panel-beats-rounds = { $rounds } 轮大喜利
panel-beats-few = { $rounds } 轮大喜利，太少，还没法和群友比。
panel-promote = 让它上线
panel-gone = 文件已删除。
panel-interval = 好评：😂 或 🙂，区间为 95% Wilson 区间。胜过群友：大喜利里和大家的神回复两两相比赢的比例，打平算一半，区间为按轮计算的 95% t 区间。
panel-nothing-rated = 还没有人给笑话打分。
panel-by-day = 每天的打分
panel-by-model = 按模型
panel-rated-last = 最近的打分
panel-funny = 好笑
panel-somewhat = 有点好笑
panel-unfunny = 不好笑
