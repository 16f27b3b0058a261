"""What is said of reports: their titles, their columns, their units and the fixed values of their rows.

A report file imports nothing of the pages, so its texts are listed here once more for translators; a test holds them
against the files.
"""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, pgettext_lazy

from sdk.report import Column, Report

# Columns by name; where one name means different things in two reports, by "report.name".
COLUMNS = {
    "pv": gettext_noop("PV"),
    "uv": gettext_noop("UV"),
    "active_users": gettext_noop("Active users"),
    "buyers": gettext_noop("Buyers"),
    "purchases": gettext_noop("Purchases"),
    "buyers_of_uv": gettext_noop("Buyers / UV"),
    "pv_per_user": gettext_noop("PV per user"),
    "user_conversion": gettext_noop("Buyers / UV"),
    "event_conversion": gettext_noop("Purchases / PV"),
    "purchases_per_buyer": gettext_noop("Purchases per buyer"),
    "revenue_per_active_user": gettext_noop("Revenue per active user"),
    "revenue_per_purchase": gettext_noop("Revenue per purchase"),
    "revenue": gettext_noop("Revenue"),
    "events": gettext_noop("Events"),
    "users": gettext_noop("Users"),
    "metric": gettext_noop("Figure"),
    "unit": gettext_noop("Unit"),
    "numerator": gettext_noop("Of these"),
    "denominator": gettext_noop("Divided by"),
    "day": gettext_noop("Day"),
    "week": gettext_noop("Week"),
    "month": gettext_noop("Month"),
    "hour": gettext_noop("Hour"),
    "hour_of_day": gettext_noop("Hour of day"),
    "weekday": gettext_noop("Weekday"),
    "expected": gettext_noop("Expected"),
    "spread": gettext_noop("Usual spread"),
    "z": gettext_noop("z"),
    "points": gettext_noop("Compared with"),
    "flagged": gettext_noop("Flagged"),
    "sure": gettext_noop("Sure"),
    "why": gettext_noop("Why"),
    "moved": gettext_noop("What moved most"),
    "behaviour": gettext_noop("Behaviour"),
    "share_of_active": gettext_noop("Of active users"),
    "events_per_view": gettext_noop("Events per view"),
    "log_change": gettext_noop("Log change"),
    "log_users": gettext_noop("From more users (log)"),
    "log_depth": gettext_noop("From more views each (log)"),
    "from_users": gettext_noop("From users"),
    "from_depth": gettext_noop("From views each"),
    "sentence": gettext_noop("In words"),
    "pairs": gettext_noop("Pairs"),
    "bought": gettext_noop("Bought"),
    "share_of_pairs": gettext_noop("Of pairs"),
    "still_open": gettext_noop("Still open"),
    "began": gettext_noop("Favs or carts"),
    "buys": gettext_noop("Buys"),
    "ratio_of_counts": gettext_noop("Ratio of counts"),
    "step": gettext_noop("Step"),
    "of_first": gettext_noop("Of first"),
    "of_previous": gettext_noop("Of previous"),
    "dropped": gettext_noop("Dropped off"),
    "median": gettext_noop("Median time"),
    "p90": gettext_noop("p90 time"),
    "first": gettext_noop("At the first step"),
    "previous": gettext_noop("At the step before"),
    "active": gettext_noop("Active users"),
    "returning": gettext_noop("Returning"),
    "resurrected": gettext_noop("Resurrected"),
    "dormant": gettext_noop("Dormant"),
    "active_before": gettext_noop("Active before"),
    "churn_rate": gettext_noop("Churn rate"),
    "new_share": gettext_noop("New share"),
    "last_day": gettext_noop("Last day"),
    "counted_on": gettext_noop("Counted on"),
    "lost_share": gettext_noop("Lost share"),
    "back_since": gettext_noop("Back since"),
    "cohort": gettext_noop("Cohort"),
    "offset": gettext_noop("After"),
    "size": gettext_noop("Users of the cohort"),
    "ltv": gettext_noop("LTV"),
    "observed": gettext_noop("Observed"),
    "power": gettext_noop("Power curve"),
    "log": gettext_noop("Log curve"),
    "exponential": gettext_noop("Exponential curve"),
    "lifetime": gettext_noop("Lifetime so far"),
    "rank": gettext_noop("Rank"),
    "up_to": gettext_noop("Up to here"),
    "share_up_to": gettext_noop("Share up to here"),
    "in_top": gettext_noop("Among the top"),
    "visits": gettext_noop("Visits"),
    "all_visits": gettext_noop("All visits"),
    "path": gettext_noop("Path"),
    "all_pairs": gettext_noop("All pairs"),
    "pay_rate": gettext_noop("Pay rate"),
    # xgettext:no-python-format
    "low": gettext_noop("95% from"),
    "high": gettext_noop("95% to"),
    "quadrant": gettext_noop("Quadrant"),
    "clear": gettext_noop("Enough users"),
    "repurchasers": gettext_noop("Bought again"),
    "rate": gettext_noop("Rate"),
    "on_two_days": gettext_noop("On two days or more"),
    "rate_on_two_days": gettext_noop("Rate on two days"),
    "days": gettext_noop("Days"),
    "intervals": gettext_noop("Intervals"),
    "retained": gettext_noop("Came back"),
    "class": gettext_noop("Class"),
    "mean_recency": gettext_noop("Mean days since"),
    "mean_days": gettext_noop("Mean purchase days"),
    "mean_amount": gettext_noop("Mean amount"),
    "amount": gettext_noop("Amount"),
    "share_of_amount": gettext_noop("Share of amount"),
    "all_amount": gettext_noop("All amount"),
    "r_score": gettext_noop("R score"),
    "f_score": gettext_noop("F score"),
    "dau": gettext_noop("DAU"),
    "wau": gettext_noop("WAU"),
    "mau": gettext_noop("MAU"),
    "dau_wau": gettext_noop("DAU / WAU"),
    "dau_mau": gettext_noop("DAU / MAU"),
    "at_least": gettext_noop("At least so many"),
    "share_at_least": gettext_noop("Share of at least so many"),
    "frequency": gettext_noop("Visits per user"),
    "seconds": gettext_noop("Time in all"),
    "mean_length": gettext_noop("Mean length"),
    "median_length": gettext_noop("Median length"),
    "single": gettext_noop("Of one event"),
    "single_share": gettext_noop("Share of one event"),
    "events_per_visit": gettext_noop("Events per visit"),
    "per_user": gettext_noop("Events per user"),
    "repurchase.rate": gettext_noop("Repurchase rate"),
    "retention.rate": gettext_noop("Retention"),
    "fav_to_buy.name": gettext_noop("Category or item"),
    "fav_to_buy.share_of_pairs": gettext_noop("Share of pairs bought"),
    "pareto.share_up_to": gettext_noop("Share of buys up to this rank"),
    "pareto.name": gettext_noop("Category or item"),
    "quadrant.name": gettext_noop("Category or item"),
    "visits.users": gettext_noop("Visitors"),
    "rfm.buyers": gettext_noop("All buyers"),
    "stickiness_distribution.days": gettext_noop("Active days"),
    "stickiness_distribution.active": gettext_noop("All active users"),
    "repurchase.days": gettext_noop("Days between"),
    "repurchase.all": gettext_noop("All intervals"),
    "pareto.all": gettext_noop("All buys"),
    "ltv.day": gettext_noop("Day after the first"),
    "ltv.period": gettext_noop("Period"),
    "ltv.cost": gettext_noop("Cost"),
    "ltv.users": gettext_noop("Users of complete cohorts"),
}
AMBIGUOUS = {  # words that mean another thing elsewhere on our pages
    "change": pgettext_lazy("column", "Change"),
    "before": pgettext_lazy("column", "Before"),
    "value": pgettext_lazy("column", "Value"),
    "share": pgettext_lazy("column", "Share"),
    "lost": pgettext_lazy("column", "Lost"),
    "new": pgettext_lazy("column", "New"),
    "all": pgettext_lazy("column", "All"),
    "name": pgettext_lazy("column", "Name"),
    "source": pgettext_lazy("column", "From"),
    "target": pgettext_lazy("column", "To"),
    "range": pgettext_lazy("column", "Range"),
    "complete": pgettext_lazy("column", "Complete"),
    "role": pgettext_lazy("column", "Role"),
}
WEEKDAYS = (
    pgettext_lazy("weekday", "Mon"), pgettext_lazy("weekday", "Tue"), pgettext_lazy("weekday", "Wed"),
    pgettext_lazy("weekday", "Thu"), pgettext_lazy("weekday", "Fri"), pgettext_lazy("weekday", "Sat"),
    pgettext_lazy("weekday", "Sun"),
)  # fmt: skip
ENGLISH_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")  # as reports write them
UNITS = {
    "users": gettext_noop("users"),
    "events": gettext_noop("events"),
    "views": gettext_noop("views"),
    "visits": gettext_noop("visits"),
    "purchases": gettext_noop("purchases"),
    "pairs": gettext_noop("pairs"),
    "buys": gettext_noop("buys"),
    "intervals": gettext_noop("intervals"),
    "buckets": gettext_noop("buckets"),
    "things": gettext_noop("things"),
    "days": gettext_noop("days"),
    "amount": gettext_noop("amount"),
    "h": gettext_noop("hour"),
    "sd": gettext_noop("robust standard deviations"),
    "ln": gettext_noop("natural logarithm"),
    "views/user": gettext_noop("views per user"),
    "events/user": gettext_noop("events per user"),
    "visits/user": gettext_noop("visits per user"),
    "events/visit": gettext_noop("events per visit"),
    "events/view": gettext_noop("events per view"),
    "buys/event": gettext_noop("buys per event"),
    "purchases/user": gettext_noop("purchases per user"),
    "amount/user": gettext_noop("amount per user"),
    "amount/purchase": gettext_noop("amount per purchase"),
    "amount/active day": gettext_noop("amount per active day"),
    "active days/user": gettext_noop("active days per user"),
    "share": gettext_noop("share"),
    "ratio": gettext_noop("ratio"),
    "s": gettext_noop("time"),
}
# What rows hold that is not the data's own: words of the reports.
VALUES = {
    "quadrant": (
        gettext_noop("many users, high rate"), gettext_noop("many users, low rate"),
        gettext_noop("few users, high rate"), gettext_noop("few users, low rate"),
    ),
    "class": (
        gettext_noop("champions"), gettext_noop("big spenders to develop"), gettext_noop("big spenders to win back"),
        gettext_noop("big spenders nearly lost"), gettext_noop("often, for little"),
        gettext_noop("new or rare, for little"), gettext_noop("once often, for little"),
        gettext_noop("lost, for little"), gettext_noop("loyal"), gettext_noop("new or rare"),
        gettext_noop("once loyal"), gettext_noop("lost"),
    ),
    "role": (gettext_noop("view"), gettext_noop("fav"), gettext_noop("cart"), gettext_noop("buy")),
    "source": (gettext_noop("others"), gettext_noop("entry"), gettext_noop("earlier"), gettext_noop("other")),
    "target": (gettext_noop("exit"), gettext_noop("further"), gettext_noop("others"), gettext_noop("other")),
    "cohort": (gettext_noop("mean"),),
    "range": (gettext_noop("range"),),
    "period": (gettext_noop("range"),),
    "path": (gettext_noop("buy only"),),
}  # fmt: skip
FIGURES = {  # rows of the tables of figures
    "new_share": gettext_noop("New share"),
    "visits_per_user": gettext_noop("Visits per user"),
    "visit_length": gettext_noop("Visit length"),
    "median_visit_length": gettext_noop("Median visit length"),
    "active_new_users": gettext_noop("New and active users"),
    "sold": gettext_noop("Sold"),
    "viewed": gettext_noop("Viewed"),
    "k": gettext_noop("Make most of it"),
    "k_of_sold": gettext_noop("Of those sold"),
    "k_of_viewed": gettext_noop("Of those viewed"),
    "gini": gettext_noop("Gini coefficient"),
    "horizon": gettext_noop("Horizon"),
    "new_users": gettext_noop("New users"),
    "lifetime": gettext_noop("Lifetime"),
    "revenue_per_active_day": gettext_noop("Revenue per active day"),
    "cac": gettext_noop("CAC"),
    "ltv_per_cac": gettext_noop("LTV / CAC"),
    "payback": gettext_noop("Payback"),
    "payback_observed": gettext_noop("Payback, observed"),
    **{
        f"{curve}_{part}": f"{curve} {part}"
        for curve in ("power", "log", "exponential")
        for part in ("a", "b", "r2", "points")
    },
}
FLAGS = {  # columns of 0 and 1: no, yes
    "complete": (gettext_noop("not over yet"), gettext_noop("yes")),
    "flagged": (gettext_noop("no"), gettext_noop("flagged")),
    "sure": (gettext_noop("not sure"), gettext_noop("yes")),
    "in_top": (gettext_noop("no"), gettext_noop("yes")),
    "clear": (gettext_noop("too few"), gettext_noop("yes")),
}
CATEGORIES = {
    "traffic": gettext_noop("Traffic and activity"),
    "lifecycle": gettext_noop("Lifecycle"),
    "retention": gettext_noop("Retention"),
    "funnel": gettext_noop("Funnel"),
    "paths": gettext_noop("Paths"),
    "commerce": gettext_noop("Commerce"),
    "anomalies": gettext_noop("Anomalies"),
    "general": gettext_noop("Others"),
}
NEEDS = {
    "item": gettext_noop("needs an item column"),
    "category": gettext_noop("needs a category column"),
    "amount": gettext_noop("needs an amount column"),
    "order": gettext_noop("needs an order column"),
    "channel": gettext_noop("needs a channel column"),
    "view": gettext_noop("needs views: a behaviour with the role view"),
    "fav": gettext_noop("needs favs: a behaviour with the role fav"),
    "cart": gettext_noop("needs carts: a behaviour with the role cart"),
    "buy": gettext_noop("needs purchases: a behaviour with the role buy"),
}
ORDER = (  # of the catalogue, inside each category
    "overview", "activity", "trends", "decomposition", "visits", "behaviour_reach", "lifecycle", "stickiness",
    "stickiness_distribution", "lost_users", "retention", "funnel", "paths", "purchase_paths", "quadrant", "pareto",
    "fav_to_buy", "repurchase", "rfm", "ltv", "anomalies",
)  # fmt: skip
TITLES = {
    "activity": gettext_noop("Activity"),
    "anomalies": gettext_noop("Anomalies"),
    "behaviour_reach": gettext_noop("Behaviour reach"),
    "decomposition": gettext_noop("Change decomposition"),
    "fav_to_buy": gettext_noop("Fav to buy, cart to buy"),
    "funnel": gettext_noop("Funnel"),
    "lifecycle": gettext_noop("Lifecycle"),
    "lost_users": gettext_noop("Lost users"),
    "ltv": gettext_noop("LTV, CAC and payback"),
    "overview": gettext_noop("Overview"),
    "pareto": gettext_noop("Pareto"),
    "paths": gettext_noop("Paths"),
    "purchase_paths": gettext_noop("Purchase path types"),
    "quadrant": gettext_noop("Pay-rate quadrant"),
    "repurchase": gettext_noop("Repurchase"),
    "retention": gettext_noop("Retention"),
    "rfm": gettext_noop("RFM"),
    "stickiness": gettext_noop("Stickiness"),
    "stickiness_distribution": gettext_noop("Distribution of active days"),
    "trends": gettext_noop("Event trends"),
    "visits": gettext_noop("Visits"),
}
QUESTIONS = {
    "activity": gettext_noop("How much is done, by how many users, by day, week, month or hour?"),
    "anomalies": gettext_noop("Which days or hours are not as the same weekday has been, and why?"),
    "behaviour_reach": gettext_noop("How many users ever did each behaviour?"),
    "decomposition": gettext_noop("Did views change because of more users, or because each saw more?"),
    "fav_to_buy": gettext_noop("What becomes of the items that users like or put into the cart?"),
    "funnel": gettext_noop("How many users went through some steps, in order, and where do they drop off?"),
    "lifecycle": gettext_noop("Who is new, who returns, who is back after a pause, who has gone dormant?"),
    "lost_users": gettext_noop("How many of a day's users then stayed away?"),
    "ltv": gettext_noop("What does a new user bring, and does it pay for what one costs?"),
    "overview": gettext_noop("How do the main figures stand, beside those of the time before?"),
    "pareto": gettext_noop("How few categories or items make most of the purchases?"),
    "paths": gettext_noop("Where do visits go, step by step?"),
    "purchase_paths": gettext_noop("What did users do with an item before they first bought it?"),
    "quadrant": gettext_noop("Which categories do many users look at, and which are bought?"),
    "repurchase": gettext_noop("How many buyers bought again, and after how long?"),
    "retention": gettext_noop("How many of those who began come back after so many days?"),
    "rfm": gettext_noop("Who bought lately, often, and for much?"),
    "stickiness": gettext_noop("What part of the month's users comes on a day?"),
    "stickiness_distribution": gettext_noop("On how many days are users active?"),
    "trends": gettext_noop("How often is something done over time, by whom, in which breakdown?"),
    "visits": gettext_noop("How many visits are there, how long, how often does a user come?"),
}
LABELS = {
    "start": gettext_noop("From"),
    "end": gettext_noop("To"),
    "last": gettext_noop("To"),
    "where": gettext_noop("Filters"),
    "users": gettext_noop("Segment"),
    "range": gettext_noop("Range"),
    "compare": gettext_noop("Comparison"),
    "away": gettext_noop("Days away"),
    "back": gettext_noop("Return event"),
    "brackets": gettext_noop("Brackets"),
    "breakdown": gettext_noop("Broken down by"),
    "by": gettext_noop("By"),
    "cost": gettext_noop("Acquisition cost"),
    "costs": gettext_noop("Costs by channel"),
    "count": gettext_noop("Count"),
    "cut": gettext_noop("Cut at"),
    "cut_rate": gettext_noop("Cut at a pay rate of"),
    "cut_uv": gettext_noop("Cut at so many users"),
    "days": gettext_noop("Window"),
    "definition": gettext_noop("What is drawn"),
    "depth": gettext_noop("Steps at most"),
    "direction": gettext_noop("Paths"),
    "end_at": gettext_noop("End at"),
    "explain": gettext_noop("Explained"),
    "events": gettext_noop("Behaviours"),
    "fav_to_buy.begin": gettext_noop("From"),
    "figures": gettext_noop("Figures"),
    "find": gettext_noop("Find"),
    "fit": gettext_noop("Curve"),
    "gap": gettext_noop("Pause that ends a visit"),
    "horizon": gettext_noop("Horizon"),
    "inside": gettext_noop("Inside the category"),
    "kind": gettext_noop("What counts as back"),
    "latest": gettext_noop("At most"),
    "least": gettext_noop("Users at least"),
    "links": gettext_noop("Links"),
    "mean": gettext_noop("Mean"),
    "measure": gettext_noop("Measure"),
    "membership": gettext_noop("Into a cohort by"),
    "merge": gettext_noop("Count equal neighbours once"),
    "metric": gettext_noop("Metric"),
    "node": gettext_noop("A step is"),
    "of": gettext_noop("Points"),
    "offsets": gettext_noop("Largest offset"),
    "order": gettext_noop("Order"),
    "pareto.of": gettext_noop("Ranked"),
    "pareto.reach": gettext_noop("Per cent of the buys"),
    "reach": gettext_noop("Reach"),
    "retention.begin": gettext_noop("Start event"),
    "same": gettext_noop("The same"),
    "show": gettext_noop("Show"),
    "start_at": gettext_noop("Start at"),
    "steps": gettext_noop("Steps"),
    "times": gettext_noop("Time to convert"),
    "top": gettext_noop("So many at most"),
    "unit": gettext_noop("Unit"),
    "window": gettext_noop("Window"),
}
LABELS_APART = {  # that mean another thing elsewhere on our pages
    "by": pgettext_lazy("a bucket", "By"),
    "start": pgettext_lazy("a range", "From"),
    "end": pgettext_lazy("a range", "To"),
    "last": pgettext_lazy("a range", "To"),
    "fav_to_buy.begin": pgettext_lazy("a range", "From"),
}
FIELDS = {
    "behaviour": gettext_noop("Behaviour"),
    "user": gettext_noop("User"),
    "item": gettext_noop("Item"),
    "category": gettext_noop("Category"),
    "channel": gettext_noop("Channel"),
    "order": gettext_noop("Order"),
    "amount": gettext_noop("Amount"),
}
APART = {  # fields and options whose words mean another thing elsewhere on our pages
    "category": pgettext_lazy("of an item", "Category"),
    "order": pgettext_lazy("a purchase", "Order"),
    "previous": pgettext_lazy("a comparison", "Previous"),
    "log": pgettext_lazy("a curve", "Log"),
}
ROLES = {
    "view": gettext_noop("a view"),
    "fav": gettext_noop("a fav"),
    "cart": gettext_noop("a cart"),
    "buy": gettext_noop("a purchase"),
}
OPTIONS = {  # fixed values of parameters
    "day": gettext_noop("Day"),
    "week": gettext_noop("Week"),
    "month": gettext_noop("Month"),
    "hour": gettext_noop("Hour"),
    "hour of day": gettext_noop("Hour of day"),
    "hour of week": gettext_noop("Hour of week"),
    "events": gettext_noop("Events"),
    "users": gettext_noop("Users"),
    "per user": gettext_noop("Per user"),
    "range": gettext_noop("Range"),
    "previous": gettext_noop("Previous"),
    "same weekdays": gettext_noop("Same weekdays"),
    "none": gettext_noop("None"),
    "first ever": gettext_noop("First ever"),
    "first in range": gettext_noop("First in range"),
    "recurring": gettext_noop("Recurring"),
    "n-day": gettext_noop("N-day"),
    "unbounded": gettext_noop("Unbounded"),
    "bracket": gettext_noop("Bracket"),
    "calendar": gettext_noop("Calendar"),
    "24 hours": gettext_noop("24 hours"),
    "weighted": gettext_noop("Weighted"),
    "simple": gettext_noop("Simple"),
    "ordered": gettext_noop("Ordered"),
    "strict": gettext_noop("Strict"),
    "any": gettext_noop("Any"),
    "item": gettext_noop("Item"),
    "category": gettext_noop("Category"),
    "nothing": gettext_noop("Nothing"),
    "observed": gettext_noop("Observed"),
    "curve": gettext_noop("Curve"),
    "summary": gettext_noop("Summary"),
    "power": gettext_noop("Power"),
    "log": gettext_noop("Log"),
    "exponential": gettext_noop("Exponential"),
    "rate": gettext_noop("Rate"),
    "intervals": gettext_noop("Intervals"),
    "classes": gettext_noop("Classes"),
    "grid": gettext_noop("Grid"),
    "fav": gettext_noop("Fav"),
    "cart": gettext_noop("Cart"),
    "share of pairs": gettext_noop("Share of pairs"),
    "ratio of counts": gettext_noop("Ratio of counts"),
    "ranking": gettext_noop("Ranking"),
    "behaviour": gettext_noop("Behaviour"),
    "behaviour and category": gettext_noop("Behaviour and category"),
    "from the beginning": gettext_noop("From the beginning"),
    "start at": gettext_noop("Start at"),
    "end at": gettext_noop("End at"),
    "visits": gettext_noop("Visits"),
    "median": gettext_noop("Median"),
    "mean": gettext_noop("Mean"),
    "fixed": gettext_noop("Fixed"),
    "pv": gettext_noop("PV"),
    "uv": gettext_noop("UV"),
    "active users": gettext_noop("Active users"),
    "buyers": gettext_noop("Buyers"),
    "purchases": gettext_noop("Purchases"),
    "all": gettext_noop("All"),
    "days": gettext_noop("Days"),
    "event conversion": gettext_noop("Purchases / PV"),
    "new": gettext_noop("New users"),
    "points": gettext_noop("Points"),
    "pv per user": gettext_noop("PV per user"),
    "steps": gettext_noop("Steps"),
    "traffic": gettext_noop("Traffic"),
    "user conversion": gettext_noop("Buyers / UV"),
    "flags": gettext_noop("Flags"),
    "views": gettext_noop("Flags by views"),
    "cac": gettext_noop("CAC"),
}
OTHER, ALL = pgettext_lazy("values together", "other"), pgettext_lazy("values together", "all")
EMPTY = gettext_lazy("(empty)")  # a value of a row that says nothing there


def title_of(report: Report) -> str:
    """Give a report's short title."""
    return _(TITLES[report.name]) if report.name in TITLES else _(report.title)


def question_of(report: Report) -> str:
    """Give the question that a report answers, in one line."""
    return _(QUESTIONS[report.name]) if report.name in QUESTIONS else _(report.title)


def column_word(column: Column | str, report: str = "") -> str:
    """Give a column's name as people say it."""
    name = column if isinstance(column, str) else column.name
    text = COLUMNS.get(f"{report}.{name}") or COLUMNS.get(name) or FIGURES.get(name)
    if text is None and name in AMBIGUOUS:
        return str(AMBIGUOUS[name])
    return _(text) if text else field_word(name) if name in FIELDS else spoken(name)


def spoken(name: str) -> str:
    """Write a name of a field as people do."""
    return name.replace("_", " ").capitalize()


def label_word(name: str, report: str = "") -> str:
    """Give a parameter's label."""
    apart = LABELS_APART.get(f"{report}.{name}") or LABELS_APART.get(name)
    text = LABELS.get(f"{report}.{name}") or LABELS.get(name)
    return str(apart) if apart else _(text or spoken(name))


def unit_word(unit: str) -> str:
    """Give a unit's name; "" for a name or a date."""
    return _(UNITS[unit]) if unit in UNITS else unit


def value_word(text: object, column: str, report: str = "") -> str:
    """Give a row's fixed value in the reader's language; what is the data's own stays as it is."""
    if column in FLAGS and text in (0, 1):
        return _(FLAGS[column][int(text)])  # type: ignore[call-overload]  # 0 or 1
    if column == "metric" and isinstance(text, str):
        word = FIGURES.get(text) or COLUMNS.get(text)
        return _(word) if word else spoken(text)
    if column == "weekday" and text in ENGLISH_WEEKDAYS:
        return str(WEEKDAYS[ENGLISH_WEEKDAYS.index(str(text))])
    if column == "unit" and isinstance(text, str):
        return unit_word(text)
    if report in ("fav_to_buy", "trends", "funnel", "ltv") and text in ("other", "all") and column not in ("step",):
        return str(OTHER if text == "other" else ALL)
    if text == "" and column != "quadrant":  # with too few users it lies in none
        text = EMPTY
    return _(text) if isinstance(text, str) and text in VALUES.get(column, ()) else str(text)


def field_word(name: str) -> str:
    """Give the name of a field that is filtered by; a dimension of the dataset's own keeps its name."""
    if name in FIELDS and name in APART:
        return str(APART[name])
    return _(FIELDS[name]) if name in FIELDS else name


def role_word(name: str) -> str:
    """Give what somebody did, as a noun; a behaviour of the dataset's own keeps its name."""
    return _(ROLES[name]) if name in ROLES else name


def option_word(option: str) -> str:
    """Give one of a parameter's fixed values in the reader's language."""
    if option in APART:
        return str(APART[option])
    return _(OPTIONS[option]) if option in OPTIONS else _(option)
