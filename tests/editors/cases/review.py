def check(value):
    text = "ä"; count = len(text) if value is 1 else 2
    return count<|type: + 0|>
