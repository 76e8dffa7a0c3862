# `jokebot setup` 在终端里的文字。聊天里的文字在 bot/i18n/locales。

welcome =
    下面来设置 Jokebot，结果写入 { $file }。
    随时可按 Ctrl-C 停下，再次运行同一命令会接着做。直接回车表示采用 [ ] 里的内容。
resumed = 接着上次没做完的设置。（想从头来，请删除 { $file }。）
bot-runs = 有一个机器人正在使用 { $folder } 里的数据。它会继续运行，这里的改动在它下次启动后生效。
stopped = 已停下。回答都已保存，再次运行同一命令会接着做。
no-terminal = 没有终端，无法提问。请加上 { $flag }。
input-ended = 输入已结束。回答都已保存，再次运行同一命令会接着做。
correct-flag = 请改正 { $flag }。

about-token = 先在 Telegram 上建一个机器人：打开 https://t.me/BotFather，发送 /newbot，复制它给的 token，形如 123456:ABC…
ask-token = token（输入时不显示）
keep-token = 已设置机器人 { $number } 的 token。回车保留，或粘贴新的 token（输入时不显示）
token-malformed = 这不是 token。token 形如 123456:ABC…
token-malformed-in-file = { $file } 里没有 token。token 形如 123456:ABC…，文件里只能有它。
asking-telegram = 正在连接 Telegram …
token-refused = Telegram 不接受这个 token。请到 https://t.me/BotFather 重新复制。
telegram-away = 连不上 Telegram（{ $reason }）。
ask-proxy = 连接 Telegram 用的 HTTP 代理，例如 http://127.0.0.1:7890（留空：不用代理再试一次）
bot-known = ✓ 机器人：@{ $name }（{ $link }）

ask-admin = 谁是管理员？code：用你的 Telegram 账号给机器人发一个一次性代码；知道自己的 Telegram 数字 id 也可直接填写
ask-admin-id = 你的 Telegram 数字 id
admin-bot-runs =
    使用这个 token 的机器人正在这份数据上运行，消息都由它接收，所以这里不能用代码。请先停掉它再运行 setup，
    或直接填写 id：没有管理员时，机器人会把 id 告诉每个给它发消息的人。
admin-malformed = { $answer } 不是 Telegram id。id 是一个数字，例如 123456789。
admin-code =
    请在 { $minutes } 分钟内打开 { $link }?start={ $code } 并点“开始”，
    或者给 @{ $name } 发送：
        /start { $code }
    第一个这样做的人成为管理员。等待中 …
admin-greeting = 你现在是这个机器人的管理员了。请回到终端继续设置。
admin-found = ✓ { $name }（id { $id }）发来了代码。
admin-code-over = 代码已过期。
admin-queue-full = 有一百多条消息在等这个机器人处理，要看到代码就得丢掉它们。请直接填写你的 Telegram id。
admin-webhook =
    这个机器人设置了 webhook，消息由另一个程序接收。请停掉那个程序并删除 webhook，或直接填写你的 Telegram id。
    （`jokebot run` 启动时会删除 webhook。）
admin-conflict = 另一个程序正在接收这个机器人的消息。请停掉它，或直接填写你的 Telegram id。
admins-known = ✓ 管理员：{ $ids }

ask-engine-gpu = 引擎：lmdeploy（用 { $gpu }，{ $gb } GB）、cpu，或已有引擎的地址（http://…/v1）
ask-engine-cpu = 这台机器没有 NVIDIA 显卡。引擎：cpu，或已有引擎的地址（http://…/v1）
ask-engine-key = 引擎需要 API 密钥（输入时不显示）
engine-malformed = { $answer } 不是引擎。可以填 lmdeploy、cpu，或以 http://、https:// 开头的地址。
engine-away = 仍然使用它吗？
engine-not-used = { $url } 的引擎没有回应，没有采用。确实要用，请加上 `--yes`。
engine-serves = 它提供的模型：{ $models }。
engine-known =
    ✓ 引擎：{ $kind ->
        [url] { $url }
       *[other] { $kind }
    }

cpu-is-slow =
    用 CPU 会很慢。2B 模型（如 InternVL2-2B）写一个笑话，在两核机器上实测约 30 秒（float32，占内存 9.3 GB）
    或约 90 秒（bfloat16，占内存 4.5 GB），测于 2026 年 11 月（docs/deploy/cpu.md）。8B 模型估计要四倍时间。
    这台机器有 { $cores } 个核{ $known ->
        [0] {""}
       *[other] ，空闲内存 { $gb } GB
    }；其他核数没有测过。
    演示模型一秒左右写一个笑话，但只认得图画。
ask-model = 模型：要下载的名字（InternVL2-2B、InternVL2.5-2B …；2B 为 4.4 GB）、目录，或 demo（演示模型）
ask-model-again = 已登记模型 { $name }（{ $directory }）。回车保留，或填写别的名字、目录或 demo
model-malformed = { $answer } 既不是 `jokebot fetch` 认得的模型，也不是目录。
model-not-served = 已有的引擎自带模型。请去掉 --model { $model }，或选择 --engine cpu 或 lmdeploy。
model-missing = 还没有登记模型。请再运行一次 setup。
model-command-failed = 模型没有登记。回答都已保存，再次运行同一命令会接着做。
model-stays = 仍然使用模型 { $name }。`jokebot models` 列出所有模型，`jokebot models promote` 可以更换。
model-known = ✓ 模型：{ $name }（{ $directory }）
ask-promote = 现在用的是 { $served }。改用 { $name } 吗？
ask-source = 从哪里下载：modelscope（魔搭，在国内用这个）、镜像的地址，或 hf（Hugging Face，国内通常连不上）
about-fetch = 接下来 `jokebot fetch` 会用英文说明要下载什么，然后询问；同意请答 y。
about-code = 接下来 `jokebot models add` 检查并登记它。加载模型会运行目录里的代码，所以会用英文询问；信任请答 y。
cpu-settings = 在 CPU 上运行大模型需要以下设置，否则笑话会超时：{ $names }。

ask-time-zone = 定时任务和每日上限用的时区（这台机器是 UTC）
time-zone-unknown = 没有 { $answer } 这个时区。名字形如 Asia/Shanghai。
time-zone-known = ✓ 时区：{ $zone }

ask-write = 要这样修改 { $file } 吗？
not-written = 没有写入。回答保存在 { $draft }，想从头来请删除它。
written = 已写入 { $file }，只有你能读它。
nothing-changes = { $file } 没有变化。
doctor = 正在全面检查（慢的机器要一分钟）…
done = 一切正常。启动机器人：
done-with-faults = 请先解决标有 ✗ 的问题（`jokebot doctor` 可再次检查），然后启动机器人：
