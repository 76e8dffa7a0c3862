# Texts of `jokebot setup` in the terminal. The texts of the chats are in bot/i18n/locales.

welcome =
    This sets up Jokebot, and writes { $file }.
    Ctrl-C stops; the same command goes on where you stopped. Enter takes what stands in [ ].
resumed = Going on with the answers of an unfinished setup. (To begin anew, delete { $file }.)
bot-runs = A bot is running on the data in { $folder }. It goes on; what you change here holds from its next start.
stopped = Stopped. Your answers are kept; the same command goes on.
no-terminal = There is no terminal to ask. Give { $flag }.
input-ended = The input ended. Your answers are kept; the same command goes on.
correct-flag = Correct { $flag }.

about-token = You need a bot at Telegram: open https://t.me/BotFather, send /newbot, and copy the token, which looks like 123456:ABC…
ask-token = Token (not shown)
keep-token = The token of bot { $number } is set. Enter keeps it, or paste another (not shown)
token-malformed = That is no token. It looks like 123456:ABC…
token-malformed-in-file = { $file } holds no token. It looks like 123456:ABC…, and stands alone in the file.
asking-telegram = Asking Telegram …
token-refused = Telegram refuses the token. Copy it again from https://t.me/BotFather.
telegram-away = Telegram can't be reached ({ $reason }).
ask-proxy = HTTP proxy to Telegram, such as http://127.0.0.1:7890 (empty: try again without)
bot-known = ✓ bot: @{ $name } ({ $link })

ask-admin = Who is the admin? `code`: you send the bot a code from your Telegram account. Or your Telegram id, if you know it
ask-admin-id = Your Telegram id
admin-bot-runs =
    A bot with this token runs on this data and receives its messages, so no code can be used here. Stop it and call
    setup again, or give your id: a bot without an admin tells it to each user who writes to it.
admin-malformed = { $answer } is no Telegram id. An id is a number, such as 123456789.
admin-code =
    Open { $link }?start={ $code } and press Start,
    or send @{ $name } the message
        /start { $code }
    within { $minutes } minutes. The first user who does becomes the admin. Waiting …
admin-greeting = You are the admin of this bot now. Setup goes on in the terminal.
admin-found = ✓ { $name } (id { $id }) sent the code.
admin-code-over = The code has expired.
admin-queue-full =
    More than a hundred messages wait for this bot, so the code can't be seen without losing them. Give your Telegram id.
admin-webhook =
    This bot has a webhook, so another program receives its messages. Stop that program and remove its webhook, or give
    your Telegram id. (`jokebot run` removes the webhook.)
admin-conflict = Another program fetches this bot's messages. Stop it, or give your Telegram id.
admins-known = ✓ admin: { $ids }

ask-engine-gpu = Engine: `lmdeploy` on { $gpu } ({ $gb } GB), `cpu`, or the address of one elsewhere (http://…/v1)
ask-engine-cpu = No NVIDIA GPU here. Engine: `cpu`, or the address of one elsewhere (http://…/v1)
ask-engine-key = The engine wants an API key (not shown)
engine-malformed = { $answer } is no engine. It is lmdeploy, cpu, or an address that begins with http:// or https://.
engine-away = Use it all the same?
engine-not-used = The engine at { $url } doesn't answer, and isn't used. `--yes` uses it all the same.
engine-serves = It serves { $models }.
engine-known =
    ✓ engine: { $kind ->
        [url] { $url }
       *[other] { $kind }
    }

cpu-is-slow =
    A CPU is slow. A joke of a 2B model, such as InternVL2-2B, took about 30 s on two cores with 9.3 GB of memory
    (float32), and about 90 s with 4.5 GB (bfloat16); measured in November 2026 (docs/deploy/cpu.md). Models of 8B take
    about four times as long (an estimate). This host has { $cores } { $cores ->
        [one] core
       *[other] cores
    }{ $known ->
        [0] {""}
       *[other] {" "}and { $gb } GB of free memory
    }; other numbers of cores weren't measured.
    The demo model needs a second for a joke, and knows drawings only.
ask-model = Model: a name to fetch (InternVL2-2B, InternVL2.5-2B …; 2B: 4.4 GB), a directory, or `demo`
ask-model-again = Model { $name } ({ $directory }) is registered. Enter keeps it, or another name, directory, or `demo`
model-malformed = { $answer } is no model that `jokebot fetch` knows, and no directory.
model-not-served = An engine elsewhere brings its model. Leave --model { $model } out, or choose --engine cpu or lmdeploy.
model-missing = No model is registered. Call setup again.
model-command-failed = The model isn't registered. Your answers are kept; the same command goes on.
model-stays = Model { $name } stays in service. `jokebot models` lists all models, `jokebot models promote` changes it.
model-known = ✓ model: { $name } ({ $directory })
ask-promote = { $served } is in service. Put { $name } into service instead?
ask-source = Where from: hf (Hugging Face), modelscope, or the address of a mirror
about-fetch = `jokebot fetch` tells what it will fetch, and asks.
about-code = `jokebot models add` checks and registers it; loading a model runs the code in its directory, so it asks.
cpu-settings = Set for a large model on a CPU, else its jokes end by a timeout: { $names }.

ask-time-zone = Time zone of schedules and daily limits (this host has UTC)
time-zone-unknown = There is no time zone { $answer }. Names are like Europe/Berlin.
time-zone-known = ✓ time zone: { $zone }

ask-write = Change these settings in { $file }?
not-written = Not written. Your answers are in { $draft }; delete it to begin anew.
written = Written: { $file }. Only you can read it.
nothing-changes = Nothing changes in { $file }.
doctor = The doctor checks it all (a minute on a slow host) …
done = All is well. Start the bot:
done-with-faults = Correct what is marked with ✗ (`jokebot doctor` checks again). Then start the bot:
