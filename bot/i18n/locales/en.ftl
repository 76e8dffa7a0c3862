# What the bot says in English. A message's name tells when it is said; $names are filled in.

start =
    Hi, I'm Jokebot. Send me a photo and I'll tell you a joke about it.
    Then press 😂, 🙂 or 😐: I learn from honest faces. 🔁 gets you another one.

help =
    Send me a photo, as a photo or as a file; stickers and GIFs will do too. A caption is a welcome hint.

    😂 🙂 😐  how it landed; you can change your mind
    🚩  hide a joke that went too far
    ✍️  write a better one yourself, for the others to rate
    🔁  another joke about the same photo, in another style{ $album ->
        [per_album] {"\u000A"}🖼 2  a joke about the second photo of your album
       *[per_photo] { "" }
    }

    In groups I speak when spoken to, unless /settings says otherwise: mention @{ $bot } in a photo's caption, answer me with a photo, or answer somebody's photo with /joke.

    /explain  in reply to a joke: what's funny about it
    /better  in reply to a joke: your own punchline
    /oogiri  in a group, in reply to a photo: everybody writes a punchline, me too, and you vote
    /best  what this chat laughed at most
    /mine  your latest jokes and punchlines
    /stats  how we're doing so far
    /style  the style of my jokes; for a single photo, put #pun, #deadpan, #absurd or #wild in its caption
    /settings  how I behave here
    /language  what I speak with you
    /privacy  what I keep of yours
    /private  keep yours out of what I learn from
    /forget  wipe everything of yours from my memory

command-start = Say hello
command-help = What I can do
command-joke = A joke about the photo you reply to
command-explain = What's funny about the joke you reply to
command-better = A punchline of your own for that photo
command-oogiri = Everybody writes a punchline for one photo, and you vote
command-best = What this chat laughed at most
command-mine = Your latest jokes and punchlines
command-stats = How we're doing so far
command-style = Puns, deadpan, absurd: the kind of jokes
command-settings = How I behave in this chat
command-language = What I speak with you
command-privacy = What I keep of yours
command-private = Let me learn from yours, or not
command-forget = Wipe everything of yours

# Things that aren't photos
command-unknown = I don't know that command. /help shows what I can do.
say-photo = You've got a way with words, but I work from pictures. Send me a photo!
joke-about-what = A joke about which photo? Send me one, or answer a photo with /joke.
not-a-photo-video = That's too fast for me, I look at one picture at a time. Pick your favourite frame and send it as a photo.
not-a-photo-animation = That won't hold still for me. Send me a still from it as a photo, and I'm in.
not-a-photo-sticker = Lovely sticker, but it won't sit still for me. Got one that does, or a photo?
not-a-photo-voice = I'm all eyes and no ears. Send me a photo instead?
not-a-photo-document = There's no picture in that file that I could open. JPEG, PNG and WebP work best.
not-a-photo-other = I wouldn't know how to joke about that. A photo, on the other hand…

# Photos that can't be used
photo-empty = That file is empty: zero bytes, zero laughs. Could you send it again?
photo-not_a_picture = I can't make a picture out of that file. JPEG, PNG and WebP work best.
photo-heic = That's a HEIC file, which I can't open. Send it as a photo instead of a file: Telegram then turns it into one that I can.
photo-broken = That picture is damaged and stops halfway. Could you send it once more?
photo-too_many_bytes = That file is too heavy for me: { $megabytes } MB is all I can carry. Send it as a photo instead of a file, and it slims down by itself.
photo-too_many_pixels = So many pixels! I can look at { $megapixels } million at a time. Could you send a smaller version?
photo-too_costly = That one would unfold into far more than I can hold. Send it as a photo instead of a file, and it gets lighter by itself.
photo-too_small = I'm squinting, but that picture is too tiny to see anything. Got a bigger one?
photo-too_narrow = That's not so much a picture as a line. Something with a bit more height and width, please.
photo-video = There's a video in that file. I look at one picture at a time: send me a frame as a photo.
photo-lost = Your photo got lost between Telegram and me. Could you send it again?
photo-unreachable = I can't get at any photos at the moment. That's not your doing, and my admin knows. Try again later?
photo-declined = I'd rather not joke about that one, and I haven't kept it. Try me with another photo!
photo-unchecked = I couldn't take a proper look at that one just now, so I haven't kept it. Try again in a little while?
photo-gone = I don't have that photo any more. Send it again, and I'll have a fresh look.

# The engine that writes the jokes
engine-down = My sense of humour is out of order at the moment. It's being looked at; try me again in a few minutes.
engine-slow = I've been mulling this one over for too long and had to stop. Send it again in a moment, please.
engine-empty = I looked and looked, and nothing came to me. Send it again, or try me with another photo.
joke-blocked = I came up with a few for this one, but none that I'd care to tell. Another photo, perhaps?
engine-cut_off = I was just getting to the punchline when the line went dead. Send it again, please?
engine-refused = That one was turned down backstage, and I couldn't change their mind. Try me with another photo.

# Waiting
place = ⏳ You're number { $place } in line.
place-training = 📚 I'm off studying what made you laugh. Your photo keeps its place, number { $place }; I answer it when I'm back.
place-swap = 🎩 I'm changing into a newer me, back in a moment. Your photo keeps its place, number { $place }.
queue-mine =
    { $limit ->
        [one] I already have a photo of yours to think about. One at a time, please!
       *[other] I already have { $limit } photos of yours to think about. Let me catch up first, then send more.
    }
queue-mine-aside =
    { queue-mine }
    { $aside ->
        [one] (I've left one aside.)
       *[other] (I've left { $aside } aside.)
    }
storage-wait = 📝 My notebook won't open just now, so this has to wait. I have it and answer as soon as I can; no need to send it again.
queue-full = Everybody wants a joke right now and the waiting room is full. Try me again in a few minutes.

# Buttons
rated = Noted: { $emoji }
rated-own = That one's yours: let the others be the judges.
rated-same = It's { $emoji } already
# In a group, where the counts come onto the buttons later
rated-group = Noted: { $emoji }   So far: { $counts }
rated-same-group = It's { $emoji } already. So far: { $counts }
another-coming = One more, coming up!
number-coming = Photo { $number }, coming up!

# 🚩 under a joke
flag-done = Hidden. Thank you for telling me.
flag-hidden = 🚩 This joke is hidden, and I won't learn from it. ↩️ brings it back.
flag-is-hidden = That joke is hidden.
flag-undone = It's back.
flag-limit =
    { $limit ->
        [one] You've hidden a joke today already. Ask an admin of this group about this one.
       *[other] You've hidden { $limit } jokes today already. Ask an admin of this group about this one.
    }
flag-settled = My admins have looked at this joke and let it stay.
flag-kept = My admins have looked at this joke and keep it hidden.
flag-not-yours = Only the user who hid it or asked for it can bring it back, or an admin.
flag-notice =
    🚩 { $who } hid a joke { $chat ->
        [private] in a private chat
       *[other] in “{ $chat }”
    }:

    { $joke }

    { $kind ->
        [punchline] Written by
       *[other] Asked for by
    } { $asker }. While it's hidden, I don't show it and don't learn from it.
flag-restore = ↩️ Bring it back
flag-keep = 🚩 Keep it hidden
flag-ban = 🚫 Ban { $who }
flag-restore-done = It's back, and counts again.
flag-keep-done = It stays hidden.
flag-ban-done = Banned. /unban { $person } takes it back.

button-unknown = I can't place that button any more. Send me a photo, and we start afresh.
button-failed = That didn't get through. Please press it again.
button-wait = I can't write that down just now. I'll do it as soon as I can; no need to press again.

# Punchlines: jokes that users write in answer to a joke
punchline-ask = ✍️ { $user }, you can do better? Answer this message with your punchline.
punchline-placeholder = Your punchline
punchline-first = ✍️ Your first one! I show it here under your name, the others rate it, and I may learn from it; with /private I do neither name you nor learn.
punchline-first-yes = ✍️ Show it
punchline-first-round = 🎭 Your first one! It goes into the vote without your name, and the result says who wrote what. I may learn from it; with /private I do neither name you nor learn.
punchline-first-round-yes = 🎭 I'm in
punchline-by = ✍️ { $author }
punchline-unnamed = ✍️ written by one of you
punchline-member = one of you
punchline-withdrawn = Taken back.
punchline-gone = ✍️ This punchline was taken back by its author.
punchline-not-yours = Only its author can do that.
punchline-limit =
    { $limit ->
        [one] That's a punchline within a day already.
       *[other] That's { $limit } punchlines within a day already.
    } Let the others have a go, and come back tomorrow.
punchline-empty = I can't find a joke in that. Words work best.
punchline-long = A punchline is short: { $length } characters and 6 lines at most.
punchline-link = No links or addresses in punchlines, please.
punchline-known = That one has been told for this photo already. Got another?
punchline-declined = I'd rather not show that one. Got another?
punchline-unchecked = I couldn't take a proper look at that one just now. Try again in a little while?
punchline-as-chat = A punchline needs an author: write it as yourself, not in the name of a group or channel.
punchline-late = It's too late to correct that one. 🗑 under it takes it back.
better-what = Better than which one? Answer a joke of mine with /better and your own punchline, and the others rate it.
better-off = Punchlines are turned off here.

# Rounds of Oogiri in groups
oogiri-open =
    🎭 Oogiri! What's the punchline for this photo? Answer this message with yours, or write it to me in private, so that no other player sees it before the vote. I have mine already.

    { $minutes ->
        [one] One minute
       *[other] { $minutes } minutes
    }, and then you vote. { $entries ->
        [0] No punchlines yet.
        [one] One punchline so far.
       *[other] { $entries } punchlines so far.
    }
oogiri-closed = 🎭 Oogiri! Time's up: { $entries ->
        [0] no punchlines.
        [one] one punchline, and mine.
       *[other] { $entries } punchlines, and mine.
    }
oogiri-credit = 📷 { $credit }
oogiri-secretly = 🙈 In private
oogiri-end = ⏹ Time's up
oogiri-ballot =
    🗳 Which are the funniest? You have two votes, but none for your own; pressing again takes one back. { $minutes ->
        [one] One minute.
       *[other] { $minutes } minutes.
    }
oogiri-counted = 🗳 The votes are counted.
oogiri-result =
    🎭 { $voted ->
        [no] There were no votes, so everybody wins. Who wrote what:
       *[other] The result:
    }
oogiri-line = { $author } · { $votes ->
        [one] 1 vote
       *[other] { $votes } votes
    }
oogiri-bot = 🤖 me
oogiri-unplayed =
    🎭 No punchlines this time. This would have been mine:
oogiri-nothing = 🎭 No punchlines this time.
oogiri-week = 🏅 Points this week: { $table }
oogiri-ever = 🏛 Of all time: { $table }
oogiri-entered = ✍️ You're in! If you write me another before time's up, it takes this one's place.
oogiri-late = That round takes no more punchlines.
oogiri-running = There's a round going on here already. One at a time!
oogiri-enough = That's enough rounds for one day. Back tomorrow!
oogiri-groups = That takes more players than the two of us: send /oogiri in a group, in reply to a photo or to a joke of mine.
oogiri-what = Answer a photo, or a joke of mine, with /oogiri: everybody writes a punchline for it, me too, and then you vote.
oogiri-what-pack = /oogiri alone, and I bring a picture; or answer a photo, or a joke of mine, with /oogiri. Everybody writes a punchline for it, me too, and then you vote.
oogiri-no-picture = I have no picture at hand right now. Answer a photo, or a joke of mine, with /oogiri instead.
oogiri-gone = 🎭 This round is over: its photo was deleted.
oogiri-paused = 🎭 { $rounds ->
        [one] I've begun a round
       *[other] I've begun { $rounds } rounds in a row
    } and none of you played, so I'll let it rest. /oogiri begins one whenever you like; once one of you plays, I come back at the usual hour.
oogiri-not-yours = Only the user who began the round can do that, or an admin of this group.
oogiri-vote-voted = Noted. Your votes: { $votes }
oogiri-vote-unvoted = Taken back. Your votes: { $votes }
oogiri-vote-own = That one's yours: let the others be the judges.
oogiri-vote-limit = You've given both votes, to { $votes }. Press one of them to take it back.
oogiri-vote-closed = This vote is over.
stats-rounds = 🎭 Oogiri: I win { $share }% of the comparisons with your punchlines, in { $rounds ->
        [one] one round
       *[other] { $rounds } rounds
    } (95% interval: { $low }% to { $high }%).
stats-rounds-few = 🎭 Oogiri: { $rounds ->
        [one] one round
       *[other] { $rounds } rounds
    } with your punchlines and votes so far. That's too few to say which of us is funnier; from { $needed } on I can.
stats-rounds-models = By model: { $models }
stats-rounds-model = { $model } { $share }% ({ $low }–{ $high }%)
stats-rounds-model-few = { $model }: { $rounds ->
        [one] one round, too few
       *[other] { $rounds } rounds, too few
    }
weekly-rounds = 🎭 Oogiri this week: I win { $share }% of the comparisons with your punchlines, in { $rounds } rounds (95% interval: { $low }% to { $high }%).
weekly-rounds-few = 🎭 Oogiri this week: { $rounds ->
        [one] one round
       *[other] { $rounds } rounds
    }, too few to say which of us is funnier.

# Two jokes for one photo, and a person chooses
duel =
    { $open ->
        [no] Two ideas for this one. While one is hidden, there's no picking.
       *[other] Two ideas for this one, and I can't decide. Which is funnier?
    }

    🅰️ { $a }

    🅱️ { $b }
duel-meh = 😐 Neither
duel-chosen-a = You picked 🅰️. Noted, thank you!
duel-chosen-b = You picked 🅱️. Noted, thank you!
duel-chosen-meh = Neither, then. Noted, I'll keep practising.
duel-hidden = One of the two is hidden, so there's no picking now.
duel-again = You've chosen already
watch-fell = ⏪ I've compared model { $model } with the one before it, photo by photo: people liked { $now }% of its jokes, and { $before }% of the other's. I've gone back to model { $back }.
watch-untested = 🔎 Model { $model } may be worse than the one before it: people like { $now }% of its jokes, and liked { $before }% of the other's before. There's no room to serve both and compare them fairly, so it stays. /rollback goes back to model { $back }.

stats =
    You: { $photos ->
        [one] { $photos } photo
       *[other] { $photos } photos
    }, { $jokes ->
        [one] { $jokes } joke
       *[other] { $jokes } jokes
    }, { $ratings ->
        [0] no ratings yet
        [one] { $ratings } rating, { $liking }% 😂 or 🙂
       *[other] { $ratings } ratings, { $liking }% 😂 or 🙂
    }.
    All of us: { $all-photos ->
        [one] { $all-photos } photo
       *[other] { $all-photos } photos
    }, { $all-jokes ->
        [one] { $all-jokes } joke
       *[other] { $all-jokes } jokes
    }, { $all-ratings ->
        [0] no ratings yet
        [one] { $all-ratings } rating, { $all-liking }% 😂 or 🙂
       *[other] { $all-ratings } ratings, { $all-liking }% 😂 or 🙂
    }.

stats-punchlines = ✍️ Punchlines: { $mine } of yours, { $all } of all of us.

# What learning has gained: the jokes of the model in service against those of the first one, by chance of the photo
progress-more = 📈 My jokes are liked by { $points } points more than when I began: { $now }% of the ratings instead of { $before }% (95% interval: { $low } to { $high } points).
progress-less = 📉 My jokes are liked by { $points } points less than when I began: { $now }% of the ratings instead of { $before }% (95% interval: { $low } to { $high } points).
progress-even = 📊 Whether my jokes are liked more than when I began can't be told yet: { $now }% of the ratings now, { $before }% for the first model's (95% interval: { $low } to { $high } points).
progress-few = 📊 How much I've learnt since I began can't be told yet: { $photos ->
        [0] no photo of the first model has
        [one] one photo of the first model has
       *[other] { $photos } photos of the first model have
    } ratings so far.
progress-unknown = 📊 How much I've learnt since I began can't be told: the first model isn't there any more to compare with.
judge-learning = ⚖️ I don't know yet what you like better ({ $ratings ->
        [one] one rating
       *[other] { $ratings } ratings
    } so far), so I don't choose among my jokes.
judge-unproven = ⚖️ I choose among several jokes by what you like. With { $ratings ->
        [one] one rating
       *[other] { $ratings } ratings
    } that is a guess: whether I'm right can't be told yet.
judge-accuracy = ⚖️ I choose among several jokes by what you like: of two jokes that I haven't seen rated, I'm right about the better one in { $right }% (at least { $low }%).
judge-gain = Jokes that I chose are liked by { $chosen }%, random ones by { $random }% (difference, 95% interval: { $low } to { $high } points).
judge-gain-few = How much that gains can't be told yet.
progress-first = 📊 I'm still the model I began with; I learn when there are enough ratings.

# Styles of jokes. style-…-words are what a caption may say for that photo alone, with a # in front or nothing beside it.
style-usual = the usual
style-neutral = plain joke
style-pun = pun
style-deadpan = deadpan
style-absurd = absurd
style-naodong = wild ideas
style-surprise = surprise me
style-neutral-words = plain
style-pun-words = pun, puns, wordplay
style-deadpan-words = deadpan
style-absurd-words = absurd
style-naodong-words = wild, wild ideas
style-surprise-words = surprise, surprise me

# A group has set how many jokes it gets a day
daily-full =
    { $jokes ->
        [one] That was today's joke for this group.
       *[other] Those were today's { $jokes } jokes for this group.
    } I'm saving my voice and will be back after midnight.
daily-full-private =
    { $jokes ->
        [one] That was today's joke for you.
       *[other] Those were today's { $jokes } jokes for you.
    } I'm saving my voice and will be back after midnight.

# The picture of /stats, for admins
stats-title = How we're doing
stats-period = { $first } to { $last }{ $days ->
        [one] { "" }
       *[other] , { $days } days
    }
stats-date = { $month ->
        [1] Jan
        [2] Feb
        [3] Mar
        [4] Apr
        [5] May
        [6] Jun
        [7] Jul
        [8] Aug
        [9] Sep
        [10] Oct
        [11] Nov
       *[other] Dec
    } { $day }, { $year }
stats-day = { $month ->
        [1] Jan
        [2] Feb
        [3] Mar
        [4] Apr
        [5] May
        [6] Jun
        [7] Jul
        [8] Aug
        [9] Sep
        [10] Oct
        [11] Nov
       *[other] Dec
    } { $day }
stats-number = { $number }
stats-tile-photos = { $number ->
        [one] photo
       *[other] photos
    }
stats-tile-jokes = { $number ->
        [one] joke
       *[other] jokes
    }
stats-tile-ratings = { $number ->
        [one] rating
       *[other] ratings
    }
stats-tile-liked = liked
stats-ratings = Ratings a day
stats-funny = funny
stats-somewhat = somewhat
stats-unfunny = not
stats-liking = How the models are liked
stats-method = Liked: funny or somewhat, of all ratings. Bars: 95% intervals (Wilson).
stats-photos = Photos a day
stats-latency = How long a joke takes
stats-median = median
stats-slowest = p95
stats-seconds = s
stats-weekly = means over a week
stats-nothing = Nothing yet

# /explain; explain-words are what a reply to a joke may say instead, with commas between
explain-words = explain, explain it, explain the joke, explain this
explain-what = Which joke? Answer one of mine with /explain, and I'll ruin it for you.

# /best and /mine
best-title = 🏆 What this chat laughed at most
best-none = No favourites here yet. Give a few jokes a 😂, and ask me again.
mine-title = 🗂 Your latest jokes and punchlines
mine-none = I haven't told you a joke here yet. Send me a photo, and we'll change that!

# /settings, and /style, which is one of its pages. What begins with a small picture is on a button, so it is short.
settings-group = ⚙️ How I behave in this group
settings-private = ⚙️ How I joke for you
settings-language = 🌐 Language of jokes: { $value }
settings-style = 🎭 Style: { $value }
settings-answers = 📷 I answer: { $value }
settings-daily = ⏳ Jokes a day: { $value }
settings-gentle = 🧸 Gentle jokes: { $value }
settings-punchlines = ✍️ Your own punchlines: { $value }
settings-oogiri = 🎤 Daily round of Oogiri: { $value }
settings-weekly = 🏆 Best of the week: { $value }
settings-changers = 🔑 Who may change this: { $value }
settings-back = ‹ Back
settings-close = Done
settings-saved = Saved
settings-look = Only this group's admins can change this: /settings works for them.
settings-look-style = Only this group's admins can change this. For one photo of yours, put #pun, #deadpan, #absurd, #wild or #surprise into its caption.
settings-admins-only = Only this group's admins can change that.
settings-language-ask = Which language shall I joke in? I can also follow whoever asks for the joke.
settings-language-any = each in their own
settings-style-ask =
    Which style shall my jokes have here?

    For a single photo, put #pun, #deadpan, #absurd, #wild or #surprise into its caption.
settings-answers-ask =
    Which photos shall I joke about?

    When called: you mention me in the caption, answer me with a photo, or answer a photo with /joke.
    Every photo: photos and pictures sent as files. GIFs, videos and stickers still need a call.
settings-answers-called = when called
settings-answers-photos = every photo
settings-blind = ⚠️ Telegram doesn't show me every photo yet. Make me an admin of this group, or ask whoever runs me to turn off group privacy at @BotFather.
settings-daily-ask = How many jokes a day shall this group get, all of you together? Each day begins at midnight, { $zone } time.
settings-daily-none = no limit
settings-gentle-ask =
    Shall my jokes leave faces, bodies and children alone?

    I do ask for that each time, and mostly it works. If one slips through, 🚩 under it hides it.
settings-gentle-on = on
settings-gentle-off = off
settings-punchlines-ask =
    May you all answer my jokes with better ones? ✍️ under a joke, /better, or a reply that begins with ✍️.

    Rounds of /oogiri work either way.
settings-punchlines-on = on
settings-punchlines-off = off
settings-oogiri-ask =
    Shall I begin a round of Oogiri every day? I bring a picture, everybody writes a punchline for it, me too, and then you vote. Hours are { $zone } time.
settings-oogiri-off = off
settings-weekly-ask =
    Once a week I can bring back the photos you liked most, each with its joke: { $day ->
        [mon] Mondays
        [tue] Tuesdays
        [wed] Wednesdays
        [thu] Thursdays
        [fri] Fridays
        [sat] Saturdays
       *[sun] Sundays
    } at { $hour }:00, { $zone } time. Shall I?

    I leave out everybody who has said /private, and quiet weeks.
settings-weekly-on = on
settings-weekly-off = off
settings-changers-ask = Who may change how I behave here?
settings-changers-admins = admins
settings-changers-all = everybody

# The best of the week
weekly-title = 🏆 What you liked most this week

# /language
language-name = English
language-ask = Which language shall I speak with you? Your jokes follow.
language-app = Same as my Telegram app
language-chosen = English it is, for my words and for your jokes.
language-as-app = All right, I follow the language of your Telegram app.

# /privacy and /private
privacy =
    What I keep: your name as Telegram shows it, the photos you send (without place or camera data), your captions, the jokes I told, the punchlines you wrote, your ratings, and your language if you picked one. From photos, jokes, punchlines and ratings I may learn. { $state }

    Rounds of Oogiri: I keep your votes and may learn from them. A vote is a point, but if you vote for the same user clearly more often than the others do, the extra votes add no points.

    /private  change that
    /forget  wipe everything of yours, for good; backups lose it within { $days ->
        [one] a day
       *[other] { $days } days
    }.
privacy-kept-photos = Photos go by themselves { $days ->
        [one] a day
       *[other] { $days } days
    } after they were last sent, with their jokes.
privacy-kept-jokes = Jokes go by themselves after { $days ->
        [one] a day
       *[other] { $days } days
    }.
privacy-kept-ratings = Ratings go by themselves after { $days ->
        [one] a day
       *[other] { $days } days
    }.
private-state-on = At your wish, I don't learn from yours.
private-state-off = If you'd rather I didn't, say /private.
private-on = From now on I don't learn from your photos, your jokes, your punchlines or your ratings, and I show punchlines without your name. Everything else stays as it is. /private again, and I do.
private-off = Thank you! From now on I may learn from your photos, jokes, punchlines and ratings again, and punchlines have your name.

# /forget
forget-ask =
    Shall I forget you? Your photos, the jokes about them, your punchlines and your ratings go for good, also from what I learn from. There is no way back.
forget-yes = Forget me
forget-no = Better not
forget-kept = Nothing was touched. Good to still know you!
forget-done =
    Gone: { $photos ->
        [one] { $photos } photo
       *[other] { $photos } photos
    }, { $jokes ->
        [one] { $jokes } joke
       *[other] { $jokes } jokes
    }, { $ratings ->
        [one] { $ratings } rating
       *[other] { $ratings } ratings
    }. Whatever you send from now on, I get to know you afresh.
forget-nothing = There was nothing of yours to forget. We're strangers, and that's fine.
forget-not-yours = That's for the one who asked. Send /forget yourself, and I'll ask you too.

# People who post in the name of a group or a channel
own-name = You're writing in a chat's name, and many may do that. Send it under your own name, please: then I know whose data is meant.
language-own-name = You're writing in a chat's name, and languages are for people. /settings chooses the language of jokes here.
forget-ask-chat = Shall I forget what was sent in this group's name? Those photos and the jokes about them go for good, also from what I learn from. There is no way back. What members sent under their own names stays theirs to delete.
private-on-chat = From now on I don't learn from what is sent in this chat's name. /private again, and I do.
private-off-chat = Thank you! From now on I may learn again from what is sent in this chat's name.

# Who may use the bot: for users and groups that aren't known
access-wait = Nice to meet you! I joke for people my admins know, so I've asked them about you. Photos that you send meanwhile (up to ten) I keep, and answer as soon as they say yes.
access-wait-group = Nice to meet you all! I joke for groups my admins know, so I've asked them about this one. I'll be back as soon as they say yes.
access-closed = I only joke for people my admins know, and we haven't met. Sorry!
access-closed-group = I only joke in groups my admins know, and this isn't one. Sorry, and bye!
access-no-admin = I don't know who my admin is yet, so I can't let anybody in. If you run me: your Telegram id is { $id }. Set JOKEBOT_TELEGRAM_ADMINS={ $id } and start me again.
access-no-admin-group = I don't know who my admin is yet, so I can't let any group in. If you run me, send me a message in our own chat.
access-button = This joke isn't yours to vote on yet: my admins don't know you.
access-welcome = You're in! Send me a photo and I'll tell you a joke about it.
access-welcome-group = My admins say yes. Mention me in a photo's caption, or answer a photo with /joke. /help has the rest.
access-refused = My admins would rather keep me to the people they know. No hard feelings, I hope!
access-refused-group = My admins would rather keep me to the groups they know. Bye, and keep laughing!

# The same, for admins
access-ask-user =
    🚪 { $who } would like to use me. Shall I let them in?{ $more ->
        [0] { "" }
        [one] {"\u000A\u000A"}One more is waiting. /requests shows how many, /requests refuse turns all away.
       *[other] {"\u000A\u000A"}{ $more } more are waiting. /requests refuse turns all away.
    }
access-ask-group =
    🚪 { $by } has called me into the group { $who }. Shall I joke there?{ $more ->
        [0] { "" }
        [one] {"\u000A\u000A"}One more is waiting. /requests shows how many, /requests refuse turns all away.
       *[other] {"\u000A\u000A"}{ $more } more are waiting. /requests refuse turns all away.
    }
access-yes = Let in
access-no = Turn away
access-is-waiting = 🚪 { $who } is waiting.
access-is-allowed = ✅ { $who } may use me.{ $by ->
        [none] { "" }
       *[other] {" "}Let in by { $by }.
    }
access-is-refused = 🚫 { $who } may not use me.{ $by ->
        [none] { "" }
       *[other] {" "}Turned away by { $by }.
    }
access-is-withdrawn = ↩️ { $who } has left before you decided.
access-gone = That request isn't there any more.
requests-in-private = These are people's names, so I only show them in our own chat.
requests-open = Everybody may use me: access.strangers is “allow”.
requests-closed = Strangers are turned away without a question: access.strangers is “refuse”.
requests-how = Say /requests to see who is waiting, or /requests refuse to turn all of them away.
requests-waiting = { $count ->
        [0] No one is waiting.
        [one] One is waiting. I ask you again:
       *[other] { $count } are waiting. I ask you again, three at a time:
    }
requests-refused = { $count ->
        [0] No one was waiting.
        [one] Turned away: one.
       *[other] Turned away: { $count }.
    }

# Our own mistakes
defect = Something broke on my side, not yours. I've made a note of it. Please try again in a moment.
given-up = I stumbled over this one several times and had to let it go. Sorry! Could you send it again?
apology-number = Should you tell my admins, this helps them find it: { $id }

# For admins
help-admin =
    { help }

    Because you're an admin:
    /status  how everything is
    /retrain  train a new model
    /runs  how training went
    /review  see what would be learnt, and drop what shouldn't
    /models  the models there are
    /promote  put one of them into service
    /rollback  back to the model before
    /users  who is here
    /ban, /unban  put somebody out, and let them in again
    /requests  who would like to use me
command-status = How everything is
command-retrain = Train a new model
command-runs = How training went
command-review = See what would be learnt
command-models = The models there are
command-promote = Put a model into service
command-rollback = Back to the model before
command-users = Who is here
command-ban = Put somebody out
command-unban = Let somebody in again
command-requests = Who would like to use me
admins-only = That one is for my admins. Photos are for everybody, though!
not-your-button = That's for the one who asked.
duration-days =
    { $days } d{ $hours ->
        [0] { "" }
       *[other] {" "}{ $hours } h
    }
duration-seconds = { $seconds } s
duration-minutes =
    { $minutes ->
        [one] a minute
       *[other] { $minutes } minutes
    }
duration-hours =
    { $hours } h{ $minutes ->
        [0] { "" }
       *[other] {" "}{ $minutes } min
    }

# /status, for admins
status-title = Jokebot { $version } · up { $time }
status-engine = Engine { $state ->
        [up] answers
        [asleep] sleeps while a model is trained or changed
       *[down] doesn't answer
    }{ $all ->
        [0] { "" }
       *[other] {" "}· { $up } of { $all } ready
    }{ $says ->
        [none] { "" }
       *[other] {" "}· { $says }
    }
status-queue = { $waiting ->
        [0] Nobody waits
        [one] One photo waits, for { $time }
       *[other] { $waiting } photos wait, the first for { $time }
    }{ $working ->
        [0] { "" }
       *[other] {" "}· { $working } in work
    }
status-seconds = { $seconds } s
status-model = Model { $model } · { $called }
status-predecessor = {" "}· compared with the one before it: { $model } · { $called }, { $share }%
status-canary = {" "}· on trial: { $model } · { $called }, { $share }%
status-gpu = { $card } · { $used } of { $all } GB
status-gpu-gone = No graphics card answers nvidia-smi
status-disk = { $free } free · data { $data } · database { $database }
status-backup = Backup { $time } ago
status-backup-none = No backup yet
status-backup-off = No backups are made (backup.every_h is 0)
status-run = Run { $run } { $what }, { $time } ago. { $next }
status-run-none = No run yet. { $next }
status-run-now = Run { $run } · { $what }
status-judge = Judge fitted { $time } ago on { $ratings ->
        [one] one rating
       *[other] { $ratings } ratings
    } · { $right }% of unseen pairs right, at least { $low }%{ $used ->
        [no] ; not used until that is surely above 50%
       *[yes] {""}
    }
status-judge-none = No judge yet; it needs { $ratings ->
        [one] one rating
       *[other] { $ratings } ratings
    }
status-judge-failed = The last fit failed: { $reason }
status-next = { $when ->
        [none] Next: when somebody says /retrain
       *[other] Next: { $when }
    }
status-errors = { $count ->
        [0] No errors in the last 24 hours
        [one] One error in the last 24 hours, see the log
       *[other] { $count } errors in the last 24 hours, see the log
    }
status-unknown = { $what }: can't tell just now
status-what-engine = Engine
status-what-queue = Queue
status-what-model = Model
status-what-gpu = Graphics card
status-what-disk = Disk
status-what-backup = Backup
status-what-run = Runs
status-what-judge = Judge
status-what-errors = Errors

# /users, /ban, /unban; banned is for the one who is
users-in-private = These are people's names, so I only show them in our own chat.
users-none = Nobody has been here yet.
users-title = { $people ->
        [one] 👥 One person
       *[other] 👥 { $people } people, the most active first
    }
users-did = { $photos ->
        [one] { $photos } photo
       *[other] { $photos } photos
    }, { $jokes ->
        [one] { $jokes } joke
       *[other] { $jokes } jokes
    }, { $ratings ->
        [0] no ratings
        [one] { $ratings } rating ({ $liking }% 😂 or 🙂)
       *[other] { $ratings } ratings ({ $liking }% 😂 or 🙂)
    }{ $last ->
        [none] { "" }
       *[other] {" "}· last { $last }
    }
users-banned = { $until ->
        [good] banned for good
       *[other] banned until { $until }
    }
ban-how = Answer one of their messages with /ban, or say /ban @name or /ban and their number (/users shows it). You may add for how long (30m, 12h, 3d, 2w) and why.
unban-how = Answer one of their messages with /unban, or say /unban @name or /unban and their number; /users shows it.
ban-unknown = I don't know a { $who }. Answer one of their messages with /ban, or give their number; /users shows it.
ban-admin = That's an admin, and admins can't be banned.
ban-bot = That's a bot. I don't listen to those anyway.
ban-done =
    🚫 Banned { $until ->
        [good] for good
       *[other] until { $until }
    }: { $who }{ $reason ->
        [none] .
       *[other] {" "}({ $reason }).
    } I won't answer them, and their ratings don't count meanwhile. /unban { $person } takes it back.
ban-news = 🚫 { $admin } banned { $who } { $until ->
        [good] for good
       *[other] until { $until }
    }{ $reason ->
        [none] .
       *[other] : { $reason }
    }
unban-done = ✅ Welcome again: { $who }. What they rated before counts again, too.
unban-none = They aren't banned: { $who }.
unban-news = ✅ { $admin } let { $who } in again.
banned = An admin has asked me to stop answering you{ $until ->
        [good] . Please don't take it to heart
       *[other] {" "}until { $until }; after that I look forward to your photos again
    }. /forget still wipes everything of yours.

# Alerts, to admins. "began" when it is wrong, "ended" when it is over; both at once where nobody could be told before
alert-engine-began = 🔴 The engine hasn't answered for { $minutes ->
        [one] a minute
       *[other] { $minutes } minutes
    }. I explain it to people kindly.{ $why ->
        [none] { "" }
       *[other] {" "}It says: { $why }
    } /status shows more.
alert-engine-ended = 🟢 The engine answers again, after { $time }.
alert-disk-began = 🔴 The disk is nearly full: { $free } GB left. When it is full, photos stay with Telegram until there is room.
alert-disk-ended = 🟢 There's room on the disk again.
alert-backup-began = 🔴 The backup failed: { $why } I try again every ten minutes.
alert-backup-ended = 🟢 Backups work again.
alert-database-began = 🔴 I can't write into the database: { $why }. Until I can, photos and ratings stay with Telegram.
alert-database-ended = 🟢 The database can be written again, after { $time }. What was sent meanwhile is being answered.
alert-webhook-began = 🔴 Telegram can't reach me, and { $waiting ->
        [one] one update waits
       *[other] { $waiting } updates wait
    }: { $why }
alert-webhook-ended = 🟢 Telegram reaches me again.
alert-gpu-began = 🔴 A graphics card is gone: { $now } of { $had } left. nvidia-smi on the host may say why.
alert-gpu-ended = 🟢 All graphics cards are there again.
alert-files-began = 🔴 I can't read people's photos. { $why }
alert-files-ended = 🟢 I can read people's photos again.
alert-token-began = 🔴 On { $began } Telegram refused my token, and I had to stop.
alert-token-ended = 🟢 It takes my token again, { $time } later.
alert-job-began = 🔴 Something that I do in the background has failed: { $job } ({ $why }). The log says more. I try again by myself, and go on answering photos.
alert-job-ended = 🟢 What failed in the background works again: { $job }.
job-engine-greeting = waiting for the engine
job-command-menu = the menu of commands
job-retrain-schedule = the times of retraining
job-prune-inbox = forgetting finished updates
job-check-database = checking the database
job-erasure = erasing what was forgotten
job-backup = backups
job-access = asking you about strangers
job-decoders = starting what opens photos
job-alert-checks = looking for trouble
job-alert-messages = telling you of trouble
job-weekly-digest = the best of the week
job-user-names = noting people's names
job-base-share = the share of the first model
job-progress-news = the weekly line about what I learnt
job-oogiri = rounds of Oogiri
job-oogiri-schedule = rounds of Oogiri at the groups' hour
job-hidden-votes = showing votes that were held back
job-run-orchestrator = runs
job-run-messages = news of runs
job-control-requests = what the command line asks for
job-judge = fitting the judge
job-champion-monitor = watching the new champion
alert-damaged = 🔴 I have to stop: { $why }

# /retrain
retrain-ask =
    Shall I train a new model?

    📚 { $new ->
        [one] { $new } new joke
       *[other] { $new } new jokes
    } that people liked{ $replayed ->
        [0] { "" }
       *[other] , and { $replayed } from before so that nothing is forgotten
    }{ $left ->
        [none] { "" }
       *[other] {"\u000A"}↳ { $left }
    }
    👥 { $people ->
        [one] One person's ratings
       *[other] { $people } people's ratings
    }
    ⏱ { $time }
    🧪 { $verdict }
    💬 { $service }
trial-forecast = At { $pace ->
        [one] one rating
       *[other] { $pace } ratings
    } a day, the trial in the chats takes up to { $days ->
        [one] one day
       *[other] { $days } days
    }. If people like its jokes by { $effect } points more, I'll notice with a chance of { $power }%.
trial-forecast-guess = The trial ends after { $ratings } ratings. So few allow only a guess: the new model stays unless its jokes were clearly liked less.
trial-forecast-unknown = No user has rated a joke in four weeks, so a trial in the chats can't come to a verdict yet.
retrain-time = About { $time }, by experience.
retrain-time-unknown = It's the first time here: I'll know once it has begun.
retrain-time-by-h100 = About { $time } to train, as measured on a card like yours; comparing the models comes on top. It's the first time here.
retrain-time-by-gpu = About { $time } to train on an H100, and comparing the models comes on top. I don't know your card yet: it may take several times as long.
retrain-time-by-cpu = Perhaps { $time } to train, as measured on two busy CPU cores; comparing the models comes on top. It's the first time here.
retrain-service-url = Meanwhile I go on telling jokes. The engine isn't mine to restart: a new model can only be tried once somebody serves it.
retrain-service-beside = Meanwhile I go on telling jokes, perhaps a little slower.
retrain-service-sleep = Training needs the graphics card to itself: photos wait that long, and are answered afterwards.
retrain-left-out = { $liked ->
        [one] Of one liked joke
       *[other] Of { $liked } liked jokes
    } I leave out: { $parts }.
retrain-left-held-out = { $count } about photos that are kept for comparing the models
retrain-left-near = { $count } about photos that look like those
retrain-left-photo = { $count } about photos with enough jokes already
retrain-left-text = { $count } with a text that is there already
retrain-left-user = { $count } because one user would decide too much
retrain-left-room = { $count } for lack of room
list-comma = {", "}
retrain-yes = Start
retrain-no = Not now
retrain-left = All right, everything stays as it is.
retrain-too-little =
    Too little new to learn from yet: { $new ->
        [0] not one good new joke
        [one] one good new joke
       *[other] { $new } good new jokes
    }, and I'd like { $wanted }. More ratings, of more photos and by more people, will help.
retrain-started = Run { $run } begins. I'll keep you posted in our own chat.
retrain-busy = Run { $run } is under way already ({ $what }). /retrain cancel stops it.
retrain-on-trial = Model { $model } is on trial in the chats, with { $ratings } of { $wanted } ratings. When that's over, we can train again. /retrain cancel ends the trial.
retrain-cancel-none = There's nothing to cancel: no run is under way.
retrain-cancelling = Stopping run { $run }. That takes a moment; the model in service isn't touched.
retrain-how = Say /retrain to train a new model, or /retrain cancel to stop.
retrain-cannot-look = I couldn't look through the ratings: { $why }

# /review
review-in-private = These are other people's photos, so I only show them in our own chat.
review-joke =
    { $joke }

    😂 { $funny } · 🙂 { $somewhat } · 😐 { $unfunny }
    By { $model ->
        [none] a user (a punchline)
       *[other] { $model }
    }. { $left ->
        [one] This is the last one waiting.
       *[other] { $left } are waiting, this one too.
    }{ $others ->
        [none] { "" }
       *[other] {"\u000A"}{"\u000A"}Also written for this photo, and not shown:{"\u000A"}{ $others }
    }
review-keep = Keep
review-drop = Drop
review-keep-done = Kept: I may learn from it.
review-drop-done = Dropped: I'll never learn from it.
review-gone = That joke isn't there any more.
review-none = Nothing waits for review: you've seen all that I'd learn from today.

# A run, as it goes
run-title = 🎓 Run { $run } · { $what }
run-state-queued = waiting to begin
run-state-exporting = choosing jokes
run-state-training = training
run-state-merging = putting the model together
run-state-judging = old against new
run-state-canary = on trial in the chats
run-state-promoted = promoted
run-state-rejected = not good enough
run-state-undecided = undecided
run-state-failed = failed
run-state-cancelled = cancelled
run-doing-queued = It begins in a moment
run-doing-exporting = Picking the jokes that people liked best
run-doing-training = Getting ready: the training starts
run-doing-training-checking = Getting ready: checking the jokes and their photos
run-doing-training-library = Getting ready: loading XTuner
run-doing-training-model = Getting ready: loading the model
run-doing-training-first = The first step
run-doing-training-saving = All steps are done. Saving what was learnt
run-doing-merging = Putting what was learnt into the model
run-doing-judging = Both models joke about photos that neither has learnt from
run-waiting-canary = The model in service is being compared with the one before it. When that's over, the new model's trial begins.
run-doing-judging-loading = Loading the next model
run-doing-judging-comparing = Comparing their jokes
run-doing-canary-deciding = These are enough. The verdict comes in a moment.
run-doing-canary = A part of all photos goes to the new model now. People's ratings decide.
run-doing-canary = The new model is starting. Then a part of all photos goes to it, and people's ratings decide.
run-answers = { $done } of { $of } answers
run-ratings = { $done } of { $of } ratings
run-missing = { $missing ->
        [one] One rating is missing.
       *[other] { $missing } ratings are missing.
    } Send photos and press 😂, 🙂 or 😐 under the jokes; where two come at once, choose 🅰️ or 🅱️. Then I'll say which model stays.
run-step = Step { $done } of { $of } · loss { $loss }
run-left = About { $time } to go
run-stopping = Stopping…

# A run's end
run-judged-canary = 🧪 Run { $run }: model { $model } did well on photos it had never seen, and is on trial in the chats now.
run-ended-promoted = 🎉 Run { $run }: model { $model } is in service now.
run-ended-rejected = 🙅 Run { $run }: the new model isn't good enough. The old one stays.
run-ended-undecided = 🤷 Run { $run }: not enough to tell. The old model stays.
run-ended-failed = ⚠️ Run { $run } failed. The old model stays, and people notice nothing.
run-ended-cancelled = ✋ Run { $run } is cancelled. The old model stays.
run-liking = Over { $ratings } ratings people liked { $new }% of the new model's jokes, and { $old }% of the old one's.
run-keep = /promote { $model } takes it all the same.
run-back = /rollback goes back.

# What the gate found
gate-empty = Some of its jokes are empty.
gate-broken = Some of its jokes are no sentences.
gate-language = It answers in another language than it was asked in.
gate-likelihood = It has become less likely to say what people liked.
gate-variety = It knows far fewer kinds of jokes than the model it began with.
gate-entropy = Its jokes have become monotonous.
gate-distinct = Its jokes keep using the same words.
gate-commonest-text = It tells one joke again and again.
gate-commonest-shape = One kind of joke has crowded out the others.
gate-openings = Too many of its jokes begin alike.
gate-closings = Too many of its jokes end alike.
gate-per-photo = It always makes the same joke about a photo.
gate-phrase = One phrase turns up in most of its jokes.
gate-emoji = It puts the same emoji almost everywhere.
gate-emojis = It uses far too many emoji.
gate-short = Its jokes have become much shorter.
gate-long = Its jokes have become much longer.
gate-grounding = Its jokes are hardly about the photos any more.
gate-echo = It repeats what users wrote with their photos.
gate-copying = It repeats word for word what it was trained on.
gate-nothing = No photo that is held out has a liked joke yet, so there is nothing to judge by. More rated photos will help.
gate-few = Few of the held-out photos have liked jokes, so the likelihood says little.
gate-few-texts = There were too few new jokes to see whether they have become alike.
gate-load = It can't be loaded.
gate-prompt = It reads the prompts differently from the old one.
gate-nan = What it computes isn't numbers any more.

# Why a run ended, or a model doesn't change
reason-admin = An admin asked for it.
reason-command = It was asked for on the command line.
reason-cancelled = An admin stopped it.
reason-overtaken = Model { $model } entered service meanwhile, so there was nothing left to compare with.
reason-attempts = Its step “{ $step }” was begun { $times } times and never came to its end.{ $signal ->
        [none] { "" }
        [SIGKILL] {" "}Something killed it (SIGKILL); the machine was probably short of memory.
       *[other] {" "}It was ended by { $signal }.
    }
reason-killed = Its step “{ $step }” was ended by { $signal }.{ $signal ->
        [SIGKILL] {" "}The machine was probably short of memory.
       *[other] { "" }
    }
reason-died = Its process ended { $times } times without getting anywhere. The log has more.
reason-step = Its step “{ $step }” failed: { $what }
reason-silent = Its step “{ $step }” ended with code { $what } and said nothing. The log has more.
reason-launcher = The training couldn't be run on the other machine (training.launcher): { $what }
reason-checkpoint = The training can't go on from its checkpoint: { $what }
reason-defect = A defect ended it: { $what }
reason-training-data = Its data can't be learnt from: { $what }
reason-training-empty = Its dataset is empty, so there is nothing to learn: { $what }
reason-training-memory = There wasn't enough memory to train. A lower training.batch_size needs less.
reason-training-disk = The disk is full: { $what }
reason-training-nan = The training went astray: its loss isn't a number any more. A lower training.learning_rate may help.
reason-training-model = The model can't be trained: { $what }
reason-training-deepspeed = training.deepspeed is set, and DeepSpeed isn't installed in the train environment.
reason-training-crash = The training crashed: { $what }
reason-no-disk = There's too little disk: a run needs { $needed } GB, the reserve included, and { $free } GB are free. Make room, or lower retrain.keep_models or training.keep_checkpoints.
reason-no-memory = There's too little memory: a run needs { $needed } GB, the reserve included, and { $free } GB are free. End what else runs here, or lower retrain.memory_reserve_gb.
reason-no-files = This host has no files of model { $model } ({ $called }), and a run needs them: set model.directory, or say where they are with jokebot models add.
reason-files-gone = The files of model { $model } ({ $called }) are gone.
reason-no-model = No model is registered, so there's nothing to start from: jokebot models add.
reason-dataset-gone = The dataset { $dataset } has no files any more. Import it anew.
reason-unchanged = Nothing has changed since run { $run }, which trained on the same jokes and is { $state }. More ratings will help.
reason-forgotten-given = The dataset it was given holds jokes of somebody who asked to be forgotten since.
reason-forgotten-often = It began again { $times } times, for people who asked to be forgotten, and gives up.
reason-nothing-rated = Nothing to learn from yet: nobody has rated a joke.
reason-nothing-new = Nothing new to learn: of { $jokes } rated jokes none can be used that wasn't learnt before. More ratings, of more photos and by more people, will help.
reason-too-little = Too little new: { $new ->
        [one] one good joke
       *[other] { $new } good jokes
    }, and a run wants { $wanted }. More ratings, of more photos and by more people, will help.
reason-no-room = There's no room to serve both models, so nobody could try the new one. { $what }
reason-not-served = The new model can't be served. { $what }
reason-saw-forgotten = Model { $model } doesn't enter service: it learnt from somebody who asked to be forgotten since.
reason-no-such-model = There is no model { $model }.
reason-in-service = Model { $model } is in service already.
reason-being-judged = Model { $model } is being judged by run { $run }. Wait for its verdict, or cancel the run.
reason-was-rejected = Model { $model } was rejected and doesn't enter service.
reason-files-removed = The files of model { $model } were removed, so it can't enter service.
reason-no-way-back = There is no earlier model to go back to.
reason-trial-better = People like its jokes better: { $likes } of { $ratings } ratings liked them, { $old-likes } of { $old-ratings } the old one's.
reason-trial-worse = People like its jokes less: { $likes } of { $ratings } ratings liked them, { $old-likes } of { $old-ratings } the old one's.
reason-trial-guess = With so few ratings this is a guess: { $likes } of { $ratings } ratings liked its jokes, { $old-likes } of { $old-ratings } the old one's{ $duels ->
        [0] { "" }
        [one] , and you chose once between 🅰️ and 🅱️
       *[other] , and you chose { $duels } times between 🅰️ and 🅱️
    }. Nothing speaks against it, so it stays until you say /rollback.
reason-trial-quiet = People like its jokes more when they rate them, but rate them less often or press 🔁 more often, so I don't trust it: { $likes } of { $ratings } ratings liked them, { $old-likes } of { $old-ratings } the old one's.
reason-trial-futile = It won't become clear any more that its jokes are better: { $likes } of { $ratings } ratings liked them, { $old-likes } of { $old-ratings } the old one's.
reason-trial-ratings = All the ratings are in, and neither is clearly better: { $likes } of { $ratings } ratings liked its jokes, { $old-likes } of { $old-ratings } the old one's.
reason-trial-days = The time is up, and neither is clearly better: { $likes } of { $ratings } ratings liked its jokes, { $old-likes } of { $old-ratings } the old one's.

# The picture at the end
card-title-canary = Is it better? Your ratings decide now
card-title-promoted = { $known ->
        [yes] Better: { $new }% liked, before { $old }%
       *[no] Model { $model } is in service
    }
card-title-guess = { $known ->
        [yes] A guess so far: { $new }% liked, before { $old }%
       *[no] A guess so far: model { $model } is in service
    }
card-title-rejected = { $known ->
        [yes] Not better: { $new }% liked, before { $old }%
       *[no] Not better: the check found faults
    }
card-title-undecided = { $known ->
        [yes] Can't be told yet: { $new }% liked, before { $old }%
       *[no] Can't be told yet
    }
card-subtitle =
    Run { $run }. Learnt from { $rows ->
        [one] { $rows } joke
       *[other] { $rows } jokes
    }{ $time ->
        [none] .
       *[other] {" "}in { $time }.
    }
before-after-open = All { $jokes } jokes, before and after
before-after-title = Run { $run }: before and after, { $page } of { $pages }
before-after-subtitle = The same photo and the same luck for both: only the model is another.
before-after-gone = These jokes aren't kept any more.
card-loss = Loss while training
card-steps = steps
card-measures = Old against new
card-direction = ↑ more is better, ↓ less is better
card-before = before
card-after = after
card-photos = Photos it never learnt from
measure-liking = Liked in the chats
measure-unchosen = Liked where no judge chose
measure-ratings = { $ratings ->
        [one] { $ratings } rating
       *[other] { $ratings } ratings
    }
measure-likelihood = Surprise at liked jokes
measure-variety = Kinds of jokes
measure-commonest-text = Most frequent joke
measure-short = Words a joke
measure-distinct = Different word pairs
measure-copying = Copied word for word
measure-replies = Replies that failed
measure-of = { $count } of { $all }
measure-few = too few photos to tell: { $photos } of { $needed }
measure-photos = { $photos ->
        [one] { $photos } photo
       *[other] { $photos } photos
    }
measure-interval = { $photos } photos, change { $low } to { $high }

# /runs, /models, /promote, /rollback
runs-none = No runs yet. /retrain starts one.
runs-line = { $mark } { $run } · { $when } · { $what }{ $time ->
        [none] { "" }
       *[other] {" "}· { $time }
    }
models-none = There is no model yet.
models-title = Models, the latest first. /promote and a number puts one into service.
models-line = { $mark } { $model } · { $called } · { $status }{ $ratings ->
        [0] { "" }
        [one] {" "}· { $liking }% liked, { $ratings } rating
       *[other] {" "}· { $liking }% liked, { $ratings } ratings
    }
model-status-base = base
model-status-candidate = candidate
model-status-canary = on trial
model-status-champion = in service
model-status-retired = retired
model-status-rejected = rejected
promote-how = Say /promote and a model's number; /models shows them.
promote-unknown = There's no model { $model }; /models shows those there are.
promote-already = Model { $model } is in service already.
promote-ask = Shall model { $model } ({ $called }) take the place of model { $champion } ({ $champion-name })? People won't notice the change; /rollback takes it back.
promote-yes = Put it into service
promote-no = Better not
promote-left = All right, nothing changes.
promote-under-way = Starting model { $model }… The old one answers until the new one can.
promote-done = Model { $model } is in service now, after { $seconds } s. /rollback goes back.
promote-failed = That didn't work, and nothing has changed: { $why }
rollback-none = There's nothing to go back to: model { $model } is the first.
rollback-done = Back to model { $model } ({ $called }), in { $seconds } s.

## The admin pages of `jokebot sandbox`

panel-title = Admin
panel-tabs = Admin pages
panel-now = Now
panel-runs = Runs
panel-models = Models
panel-ratings = Ratings
panel-number = { $number }
panel-run = Run
panel-no-run = No run is under way. One begins by the clock, with enough new jokes that people liked, or when you say so.
panel-retrain = Start a run
panel-cancel = Stop the run
panel-cancel-trial = End the trial
panel-in-chat = The bot answers in the chat.
panel-loss = Loss
panel-step = step
panel-by-admin = asked for by an admin
panel-by-command = begun in the terminal
panel-by-schedule = begun by the clock
panel-by-pairs = begun because there was enough to learn
panel-serves = Who answers photos
panel-health = How things are
panel-engine = Engine
panel-engine-up = answers
panel-engine-down = doesn't answer
panel-waiting = Photos waiting
panel-in-flight = Being answered
panel-inbox = Messages to handle
panel-disk = Free on disk
panel-gigabytes = { $free } GB
panel-servers = Servers
panel-server-starting = starting
panel-server-checking = being checked
panel-server-ready = ready
panel-server-given = not ours
panel-server-draining = finishing
panel-server-asleep = asleep
panel-server-restarting = starting again
panel-server-ended = ended
panel-restarts =
    { $restarts ->
        [one] started again once
       *[other] started again { $restarts } times
    }
panel-paused-training = Photos wait: the training has the graphics card.
panel-paused-swap = Photos wait a moment: one model takes another's place.
panel-no-runs = No runs yet.
panel-loading = Loading…
panel-taught =
    { $rows ->
        [one] It learnt from one joke that people liked.
       *[other] It learnt from { $rows } jokes that people liked.
    }
panel-measures = What was measured
panel-before = Before
panel-after = After
panel-times = How long it took
panel-jokes = Jokes
panel-picture = The outcome of run
panel-roll-back = Back to
panel-share = gets
panel-from = from
panel-start = weights of
panel-liked = liked
panel-beats = against people
panel-beats-rounds = { $rounds ->
        [one] one round of Oogiri
       *[other] { $rounds } rounds of Oogiri
    }
panel-beats-few = { $rounds ->
        [one] One round of Oogiri
       *[other] { $rounds } rounds of Oogiri
    }, too few to compare it with people.
panel-promote = Put into service
panel-gone = Its files were removed.
panel-interval = Liked: 😂 or 🙂, with the 95% interval by Wilson. Against people: comparisons won with users' punchlines in rounds of Oogiri, a tie being half, with Student's 95% interval over rounds.
panel-nothing-rated = Nobody has rated a joke yet.
panel-by-day = Ratings a day
panel-by-model = By model
panel-rated-last = Rated last
panel-funny = funny
panel-somewhat = somewhat funny
panel-unfunny = not funny
