"""Purchases: an order id where there is one, at its first row in the range; else a buy row."""

# (user_id, ts, amount) of each purchase in $scope. Rows without an order id are each a purchase of their own.
PURCHASES = """
SELECT user_id, purchase.1 AS ts, purchase.2 AS amount
FROM (
    SELECT user_id, arrayJoin(if(
        order_id = '', groupArray((ts, toFloat64(amount))), [(min(ts), toFloat64(sum(amount)))]
    )) AS purchase
    FROM $event
    WHERE $buy AND ($scope)
    GROUP BY user_id, order_id
)
"""
