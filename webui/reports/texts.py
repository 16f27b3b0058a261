"""The definitions of the report files, so that translators find them: a docstring cannot be marked where it stands.

tests/webui/reports/test_words.py holds this list against the files and says which paragraph is missing or gone.
"""

# ruff: noqa: E501  # a paragraph of a definition is one text, as its file has it
from django.utils.translation import gettext_noop

DEFINITIONS = (  # paragraphs
    gettext_noop(
        "A cohort is the users who are new in a day, week or month: registered where there is a users table, else first seen. Observed LTV(c, n): the cohort's revenue from its unit to unit n / its users; blank where unit n has not ended. LT(H): the sum of the retention of days 0 to H - 1 (first ever, N-day, mean weighted by users), observed where complete, fitted beyond; H is in days. The fits on day 1 and later are least squares weighted by users: power a n^-b, log a ln n + b (cut where it reaches 0), exponential a e^(-b n); with fewer than 5 complete days there is no number. LTV = LT(H) x revenue for each active user-day. CAC = acquisition cost / new users, both of the same channel and period: the channel of registration where it is known, else that of the events. LTV / CAC is held against 3. Payback: after how many days the revenue for each user reaches the CAC, within a day taken to come evenly."
    ),
    gettext_noop(
        "A cohort is the users whose start event lies in a unit: by their first start ever, by their first in the range, or by any (recurring: a user can be in several). N-day: a return event in unit n. Unbounded: in unit n or later. Bracket: in some unit from a to b. Unit 0 counts a return that is not earlier than the start. A cell whose unit has not ended is not complete and stays out of the means; one that has not begun is blank. The mean is sum(retained) / sum(size) over complete cells, or the simple mean of their rates. Where users count as first seen, those of the first days may be older than the data."
    ),
    gettext_noop(
        "A purchase is an order id where there is one (at its first row in the range), else a buy row. Repurchase rate: users with two purchases or more / users with one or more; the stricter one counts users who purchased on two different local days or more. Within a day, week or month both are counted inside it. Intervals: local days from each purchase to the user's next one in the range; those that have not come yet are missing, so short intervals prevail near the end."
    ),
    gettext_noop(
        "A user whose last activity was on day L is lost on day L + T + 1 if nothing came on the T days after L. Rows are by L, the last day; the days too near to the end of the data cannot be judged yet and stay blank. Back since: those of the lost who were active again later."
    ),
    gettext_noop(
        "A visit is a longest run of a user's events without a gap of more than 30 minutes (a setting); the range cuts it at its edges, and it counts in the bucket where it begins. Its length is from its first event to its last, so that a visit of one event lasts 0 s: see the median and the single ones too. Frequency is visits / active users."
    ),
    gettext_noop(
        'A visit is a longest run of a user\'s events without a gap of more than 30 minutes (a setting); the range cuts it at its edges. Each of its events is a step, a behaviour or a behaviour with its category; equal neighbours count once. "Start at" takes what follows the visit\'s first such event, "end at" what leads to its last. The links with the most visits are shown; a visit that leaves them goes to "other", one that ends to "exit", one that is longer than the depth to "further" (backwards: other, entry and earlier); those that begin with a rare step are together, "others". So at every step as many go in as come out. Counted are visits, or users: each by the first such visit.'
    ),
    gettext_noop(
        "Active on a day: at least one event that counts as activity on that local day. Days are whole. At least: the users active on k days or more. Shares are of the users active in the range."
    ),
    gettext_noop(
        "Counted are the events of the chosen behaviours (none chosen: every event that counts as activity). Users are the distinct users with such an event in the bucket, so rows must not be added up; per user is events / users. A breakdown shows the values of a field with the most events or users in the whole range, and all others together: a user with several values is counted with each of them, once within each."
    ),
    gettext_noop(
        "DAU are the distinct users active on a local day; WAU those of the 7 days that end with it, MAU those of the 30 days. Stickiness is DAU / MAU; where the data are too short for that, DAU / WAU. WAU is not defined before there are 7 days of data, MAU not before there are 30: those cells stay blank."
    ),
    gettext_noop(
        "Days, weeks (from Monday) and months are those of the dataset's time zone. Users are distinct within each row, so rows must not be added up. Buyers of UV is the share of the users with a view who bought. By hour of day and by hour of the week every local hour of the range counts into its row."
    ),
    # xgettext:no-python-format
    gettext_noop(
        "Each complete bucket x is compared with the same weekday, or the same hour of the week, of the 8 weeks before it: z = 0.6745 (x - median) / MAD; where the MAD is 0, by 1.253 x mean absolute deviation. With fewer than 4 of them the 7 buckets right before stand in, at low confidence. A bucket is flagged where |z| >= 3.5 and the change against the median is at least 10 %; where the others are all the same there is no z, and any such change is flagged. A flag says how much of the change in views came from more users and how much from more views for each, and which values of the dimensions moved most (of a rate: in what it counts, not in what it divides by), both against the most usual of the buckets it is compared with: the one whose value is nearest to the median, the latest of several. Hours that the clock skips or repeats are left out."
    ),
    gettext_noop(
        "For each pair of a user and an item with a purchase in the range: which of view, fav and cart the user did with it before the first purchase in the range, and at most 7 days (a setting) before it; in the purchase's own second counts as before. That makes 8 types. A purchase so near to the beginning of the data that its window is cut may have a longer path than can be seen."
    ),
    gettext_noop(
        "New: active in the period, and first seen in it; where there is a users table, registered in it. Returning: active in it and in the one before, not new. Resurrected: active in it, not in the one before, not new. Dormant: active in the one before, not in it. So active = new + returning + resurrected, and active - active before = new + resurrected - dormant. The churn rate is dormant / active before. Registered, where there is a users table: all who were registered in the period, active or not, and who is first seen in it without being in that table. Periods are whole days, weeks or months: the range says which are shown, never what lies in them."
    ),
    gettext_noop(
        "PV = UV x R with R = PV / UV, so ln(PV1 / PV0) = ln(UV1 / UV0) + ln(R1 / R0): both parts add up to the change exactly. Each row compares a day (week, month) with the one before it."
    ),
    gettext_noop(
        "PV are view rows; UV the distinct users with a view; active users the distinct users with a behaviour that counts as activity. PV per user is PV / UV. A purchase is an order id where there is one, else a buy row; user conversion is buyers / UV, event conversion purchases / PV. New users are those registered in the range where there is a users table, else those first seen active in it; new share is the active ones of them / active users. A visit is a run of a user's events without a gap of more than 30 minutes, cut at the range's edges; its length is from its first event to its last. Distinct users are counted over the whole range, never added up."
    ),
    gettext_noop(
        "R: days from the last purchase day to the last day of the range; F: purchase days; M: the amount. Each is scored 1 to 5 by quintiles (nearest rank; equal values score the same; for R few days score high). A score is high where it is above the mean score of all buyers; the three together give 8 classes. Without an amount column there are R and F only, and 4 classes."
    ),
    # xgettext:no-python-format
    gettext_noop(
        "Share of pairs (the default): of the pairs of a user and an item that were favoured (or put into the cart) in the range, those that the same user bought later, within 7 days (a setting) of some fav. A purchase in the fav's own second is later. Ratio of counts: buy rows / fav rows of the range, whoever and whatever; it can pass 100 %. A pair counts for the category of its first fav in the range. Still open: pairs not bought whose window reaches past the end of the data."
    ),
    gettext_noop(
        "The range applies to the first step; the window reaches from it to the last one. Ordered: the steps on different events, one not earlier than the one before, others may lie between. Strict: no other event between. Any: the first k steps in any order within one window. A user's level is the largest over all entries, not only the first; a step counts the users who came at least so far. With \"same\" the steps must concern one item (or category): the right way for view, cart, buy. Time to convert is taken on the chain that reaches the user's level first. Users who could still go on when the data end are counted apart. By day: the users with a first step on each local day, and how far their entries of that day led; a day whose windows reach past the end of the data is not complete."
    ),
    # xgettext:no-python-format
    gettext_noop(
        "They are ranked by their buy rows, those with as many by name. k is the smallest number of them whose buys together reach 80 % (a setting) of all; it is shown as a share of those that were sold and of those that were viewed. The Gini coefficient is of the buys of all that were sold: 0 where each sold as much, near 1 where one sold all."
    ),
    gettext_noop(
        "Users are the distinct users with at least one such event; their share is that of the active users. The event ratio is the behaviour's events / views (cart / pv, fav / pv, buy / pv). No order is looked at: this is not a funnel."
    ),
    # xgettext:no-python-format
    gettext_noop(
        "x is UV, the distinct users with a view; y is the pay rate, buyers / UV. The plane is cut at the medians (or means, or fixed values) of those with at least 30 users (a setting); the others are greyed, for their rates say little, as their Wilson 95 % intervals show. On the cut counts as above. To look into a category (inside) take its items: the report says how few of them make half of the buyers, and how many that are seen have none. Buyers without a view in the range can make a rate pass 100 %; it then has no interval. To find one by a part of its name changes no cut."
    ),
)
