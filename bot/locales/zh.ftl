# 机器人说的中文。名字说明什么时候说；$ 开头的会被填上。

start =
    嗨，我是 Jokebot。发张照片来，我还你一个笑话。
    好不好笑，按 😂 🙂 😐 告诉我，你越实在，我越长进。按 🔁 再来一个。

help =
    发张照片给我，直接发或者当文件发都行。配上一句话，我会当作提示。

    😂 🙂 😐  好不好笑，你说了算，随时可以改
    🔁  同一张照片再来一个

    在群里我不插嘴：照片配文里 @{ $bot }，用照片回复我，或者用 /joke 回复别人的照片，我就出来。

    /stats  看看战绩
    /private  不让我拿你的去学习
    /forget  把你的一切从我这儿抹掉

command-start = 打个招呼
command-help = 我会什么
command-joke = 给你回复的那张照片讲个笑话
command-stats = 看看战绩
command-privacy = 我留着你的什么
command-private = 让不让我学你的
command-forget = 抹掉你的一切

# 不是照片
say-photo = 光说不行，得有图。发张照片来吧！
joke-about-what = 给哪张照片讲笑话？发一张来，或者用 /joke 回复一张照片。
not-a-photo-video = 视频太快了，我一次只看得了一张。截一帧当照片发来吧。
not-a-photo-animation = 它动来动去，我看不清。截一张不动的发来，马上开讲。
not-a-photo-sticker = 贴纸真可爱，可惜我现在只会看照片。来一张？
not-a-photo-voice = 我有眼睛，没长耳朵。换张照片？
not-a-photo-document = 这个文件里没有我能打开的图。JPEG、PNG、WebP 最稳妥。
not-a-photo-other = 这个我不知道怎么笑起。换张照片就不一样了……

# 用不了的照片
photo-empty = 这个文件是空的，零字节，零笑点。再发一次？
photo-not_a_picture = 这个文件我打不开，不像是图片。JPEG、PNG、WebP 最稳妥。
photo-broken = 这张图坏了，只有半截。麻烦再发一次。
photo-too_many_bytes = 这个文件太沉了，我最多扛得动 { $megabytes } MB。别当文件发，直接当照片发，它自己会瘦下来。
photo-too_many_pixels = 像素太多啦，我一次最多看 { $megapixels } 百万像素。发张小一点的吧。
photo-too_small = 我眯着眼也没看清，这图太小了。有大点的吗？
photo-too_narrow = 这哪是图，这是条线。来张方正点的吧。
photo-video = 这个文件里是视频。我一次只看一张，截一帧当照片发来吧。
photo-lost = 照片在半路上丢了。再发一次好吗？
photo-gone = 那张照片已经不在我这儿了。再发一次，我重新看。

# 写笑话的引擎
engine-down = 我的幽默感正在维修，过几分钟再来找我吧。
engine-slow = 这张我琢磨太久，只好先停下。过一会儿再发一次吧。
engine-empty = 看了半天，愣是没憋出来。再发一次，或者换一张？
engine-cut_off = 正要抖包袱，线断了。再发一次？
engine-refused = 这张后台没让过，我也没办法。换一张吧。

# 排队
place = ⏳ 排队中，你是第 { $place } 个。
queue-mine = 你已经有 { $limit } 张照片在我这儿了，等我消化一下再发。
queue-mine-aside =
    { queue-mine }
    （先放下了 { $aside } 张。）
queue-full = 现在人人都想听笑话，候场的都站满了。过几分钟再来吧。

# 按钮
rated = 记下了：{ $emoji }
rated-same = 本来就是 { $emoji }
another-coming = 再来一个，马上！
button-unknown = 这个按钮我认不得了。发张照片，咱们重新来。
button-failed = 没收到，再按一下？

# 一张照片两个笑话，请人来选
duel =
    这张我想了两个，拿不定主意。哪个更好笑？

    🅰️ { $a }

    🅱️ { $b }
duel-meh = 😐 都不行
duel-chosen-a = 你选了 🅰️，记下了，谢谢！
duel-chosen-b = 你选了 🅱️，记下了，谢谢！
duel-chosen-meh = 都不行啊，记下了，我再练练。
duel-again = 你已经选过啦

stats =
    你：{ $photos } 张照片，{ $jokes } 个笑话，{ $ratings ->
        [0] 还没打过分
       *[other] { $ratings } 次打分，{ $liking }% 给了 😂 或 🙂
    }。
    大家：{ $all-photos } 张照片，{ $all-jokes } 个笑话，{ $all-ratings ->
        [0] 还没人打过分
       *[other] { $all-ratings } 次打分，{ $all-liking }% 给了 😂 或 🙂
    }。

# /privacy 和 /private
privacy =
    我留着的：你发的照片（去掉了地点和相机信息）、配文、我讲的笑话、你打的分。我会拿它们来学习。{ $state }

    /private  改一改这个
    /forget  把你的一切彻底删掉；备份里的最多再留 { $days } 天
private-state-on = 按你的意思，你的我不学。
private-state-off = 不想让我学，发 /private。
private-on = 从现在起，你的照片、笑话和打分我都不拿来学习，别的照旧。再发一次 /private 就恢复。
private-off = 谢谢！从现在起，我又可以从你的照片、笑话和打分里学习了。

# /forget
forget-ask = 真要我忘了你？你的照片、照片上的笑话、你打的分，连同我学习用的那份，全部删掉，再也找不回来。
forget-yes = 忘了我吧
forget-no = 还是算了
forget-kept = 什么都没动。还认得你，真好！
forget-done = 都删了：{ $photos } 张照片，{ $jokes } 个笑话，{ $ratings } 次打分。以后你再发什么，咱们重新认识。
forget-nothing = 我这儿本来就没有你的东西。萍水相逢，也挺好。
forget-not-yours = 这是问别人的。你也想的话，自己发一个 /forget。

# 我们自己的错
defect = 我这边出了点毛病，不怪你。已经记下了，过一会儿再试试。
given-up = 这张我栽了好几次，只能放下了。抱歉！再发一次好吗？
