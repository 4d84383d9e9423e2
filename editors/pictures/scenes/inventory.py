"""What is in the warehouse, and how much of it."""


class Inventory:
    def __init__(self):
        self.items = {}

    def add(self, name, count):
        if count <= 0:
            raise ValueError("count must be positive")
        self.items[name] = self.items.get(name, 0) + count

    <|type:def remove(⇥⏎↓↓⏎self.items[name] -= count|>
