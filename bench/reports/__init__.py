"""What bench.analytics measures: reports, and by what they are measured."""
