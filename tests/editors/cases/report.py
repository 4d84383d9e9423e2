def total_of(rows, count):
    total = 0
    for row in rows:
        total += row.amount
    <|type:return to|>
