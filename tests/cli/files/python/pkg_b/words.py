import collections


def count_words(text):
    counts = collections.Counter()
    for word in text.split():
        counts[word.lower()] += 1
    return counts


def most_common(text, limit=10):
    counts = count_words(text)
    return [word for word, count in counts.most_common(limit)]
