"""The event store: ClickHouse's dialect over HTTP, embedded by default, a server or cluster by ANALYTICS_URL."""
