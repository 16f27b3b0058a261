"""Reports whose page is more than one card: what they need beyond their own answer.

A report NAME may have
- templates/reports/special/NAME.html, which is used in place of templates/reports/card.html: the whole
  `<section class="om-card om-report" data-report=NAME>`. It has everything that the general card has (see
  `webui.reports.cards.context`): ask, found (the Answer), plot, plot_id, table, notes, foot, ...;
- webui/reports/special/NAME.py with

      def context(ask: Ask, found: Answer, also: Callable[[Ask], Answer]) -> dict[str, Any]

  whose values are added to that context. `also` answers a further question of the same dataset, from the cache where it
  was asked before, for example `also(ask.but(params={**ask.params, "same": "nothing"}))`. It raises what
  `analytics.answers.answer` raises, and so may `context`: the card then shows that sentence. `context` runs outside the
  request's own thread: it asks the store as often as it likes, and never the database.
"""
