using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

namespace Accounts
{
    /// <summary>An amount in the smallest unit of a currency, so that sums are exact.</summary>
    public readonly struct Money : IEquatable<Money>, IComparable<Money>
    {
        public long Cents { get; }
        public string Currency { get; }

        public Money(long cents, string currency)
        {
            Cents = cents;
            Currency = currency ?? throw new ArgumentNullException(nameof(currency));
        }

        public static Money operator +(Money left, Money right)
        {
            if (left.Currency != right.Currency)
            {
                throw new InvalidOperationException(
                    $"cannot add {right.Currency} to {left.Currency}");
            }
            return new Money(checked(left.Cents + right.Cents), left.Currency);
        }

        public static Money operator -(Money value) => new Money(-value.Cents, value.Currency);

        public bool Equals(Money other) => Cents == other.Cents && Currency == other.Currency;

        public override bool Equals(object? other) => other is Money money && Equals(money);

        public override int GetHashCode() => HashCode.Combine(Cents, Currency);

        public int CompareTo(Money other) => Cents.CompareTo(other.Cents);

        public override string ToString() =>
            string.Format(CultureInfo.InvariantCulture, "{0:0.00} {1}", Cents / 100m, Currency);
    }

    public enum Side
    {
        Debit,
        Credit,
    }

    public sealed record Posting(string Account, Side Side, Money Amount)
    {
        public Money Signed => Side == Side.Debit ? Amount : -Amount;
    }

    public sealed class Transaction
    {
        private readonly List<Posting> postings = new();

        public DateTime Date { get; }
        public string Text { get; }
        public IReadOnlyList<Posting> Postings => postings;

        public Transaction(DateTime date, string text)
        {
            Date = date;
            Text = text;
        }

        public Transaction Debit(string account, Money amount) => Add(account, Side.Debit, amount);

        public Transaction Credit(string account, Money amount) => Add(account, Side.Credit, amount);

        private Transaction Add(string account, Side side, Money amount)
        {
            if (amount.Cents <= 0)
            {
                throw new ArgumentOutOfRangeException(nameof(amount), "must be positive");
            }
            postings.Add(new Posting(account, side, amount));
            return this;
        }

        /// <summary>Debits and credits of each currency must cancel out.</summary>
        public bool IsBalanced()
        {
            foreach (var group in postings.GroupBy(posting => posting.Amount.Currency))
            {
                if (group.Sum(posting => posting.Signed.Cents) != 0)
                {
                    return false;
                }
            }
            return postings.Count > 0;
        }
    }

    public class LedgerException : Exception
    {
        public LedgerException(string message, Exception? cause = null) : base(message, cause)
        {
        }
    }

    public sealed class Ledger
    {
        private readonly List<Transaction> transactions = new List<Transaction>();
        private readonly Dictionary<(string Account, string Currency), long> balances = new();
        private readonly object gate = new object();

        public event EventHandler<Transaction>? Posted;

        public void Post(Transaction transaction)
        {
            if (!transaction.IsBalanced())
            {
                throw new LedgerException($"\"{transaction.Text}\" is not balanced");
            }
            lock (gate)
            {
                foreach (var posting in transaction.Postings)
                {
                    var key = (posting.Account, posting.Amount.Currency);
                    balances.TryGetValue(key, out long balance);
                    balances[key] = balance + posting.Signed.Cents;
                }
                transactions.Add(transaction);
            }
            Posted?.Invoke(this, transaction);
        }

        public Money Balance(string account, string currency)
        {
            lock (gate)
            {
                return balances.TryGetValue((account, currency), out var cents)
                    ? new Money(cents, currency)
                    : new Money(0, currency);
            }
        }

        public async Task<int> ImportAsync(string path, CancellationToken cancel = default)
        {
            int imported = 0;
            using var reader = new StreamReader(path);
            for (int number = 1; ; number++)
            {
                cancel.ThrowIfCancellationRequested();
                string? line = await reader.ReadLineAsync();
                if (line == null)
                {
                    return imported;
                }
                if (string.IsNullOrWhiteSpace(line) || line.StartsWith("#"))
                {
                    continue;
                }
                try
                {
                    Post(Parse(line));
                    imported++;
                }
                catch (FormatException error)
                {
                    throw new LedgerException($"{path}:{number}: {error.Message}", error);
                }
            }
        }

        // date;text;debit account;credit account;amount;currency
        private static Transaction Parse(string line)
        {
            string[] parts = line.Split(';');
            if (parts.Length != 6)
            {
                throw new FormatException($"expected 6 columns, found {parts.Length}");
            }
            var date = DateTime.ParseExact(parts[0], "yyyy-MM-dd", CultureInfo.InvariantCulture);
            var amount = decimal.Parse(parts[4], CultureInfo.InvariantCulture);
            var money = new Money((long)Math.Round(amount * 100), parts[5].Trim());
            return new Transaction(date, parts[1]).Debit(parts[2], money).Credit(parts[3], money);
        }

        public IEnumerable<string> Report()
        {
            var rows = from pair in balances
                       where pair.Value != 0
                       orderby pair.Key.Account, pair.Key.Currency
                       select new Money(pair.Value, pair.Key.Currency) into money
                       select money.ToString();
            return rows.ToList();
        }
    }
}
