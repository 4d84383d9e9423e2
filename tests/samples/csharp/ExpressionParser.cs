using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

namespace Calculator
{
    public abstract class Node
    {
        public abstract double Evaluate(IReadOnlyDictionary<string, double> variables);
    }

    internal sealed class NumberNode : Node
    {
        private readonly double value;

        public NumberNode(double value) => this.value = value;

        public override double Evaluate(IReadOnlyDictionary<string, double> variables) => value;
    }

    internal sealed class VariableNode : Node
    {
        private readonly string name;

        public VariableNode(string name) => this.name = name;

        public override double Evaluate(IReadOnlyDictionary<string, double> variables)
        {
            if (variables.TryGetValue(name, out double value))
            {
                return value;
            }
            throw new KeyNotFoundException($"variable \"{name}\" has no value");
        }
    }

    internal sealed class BinaryNode : Node
    {
        private readonly char symbol;
        private readonly Node left;
        private readonly Node right;

        public BinaryNode(char symbol, Node left, Node right)
        {
            this.symbol = symbol;
            this.left = left;
            this.right = right;
        }

        public override double Evaluate(IReadOnlyDictionary<string, double> variables)
        {
            double a = left.Evaluate(variables);
            double b = right.Evaluate(variables);
            return symbol switch
            {
                '+' => a + b,
                '-' => a - b,
                '*' => a * b,
                '/' when b == 0 => throw new DivideByZeroException(),
                '/' => a / b,
                '^' => Math.Pow(a, b),
                _ => throw new InvalidOperationException($"unknown operator {symbol}"),
            };
        }
    }

    internal sealed class CallNode : Node
    {
        private static readonly Dictionary<string, Func<double[], double>> Functions = new()
        {
            ["sqrt"] = args => Math.Sqrt(args[0]),
            ["max"] = args => Math.Max(args[0], args[1]),
            ["min"] = args => Math.Min(args[0], args[1]),
        };

        private readonly Func<double[], double> function;
        private readonly List<Node> arguments;

        public CallNode(string name, List<Node> arguments)
        {
            if (!Functions.TryGetValue(name, out var found))
            {
                throw new FormatException($"there is no function \"{name}\"");
            }
            function = found;
            this.arguments = arguments;
        }

        public override double Evaluate(IReadOnlyDictionary<string, double> variables)
        {
            var values = new double[arguments.Count];
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = arguments[i].Evaluate(variables);
            }
            return function(values);
        }
    }

    /// <summary>Precedence climbing over a string, without a token list in between.</summary>
    public sealed class ExpressionParser
    {
        private readonly string text;
        private int position;

        private ExpressionParser(string text)
        {
            this.text = text;
        }

        public static Node Parse(string text)
        {
            var parser = new ExpressionParser(text);
            Node node = parser.ParseBinary(minimum: 1);
            parser.SkipSpace();
            if (parser.position < text.Length)
            {
                throw parser.Error($"unexpected '{text[parser.position]}'");
            }
            return node;
        }

        private FormatException Error(string message) =>
            new FormatException($"column {position + 1}: {message}");

        private void SkipSpace()
        {
            while (position < text.Length && char.IsWhiteSpace(text[position]))
            {
                position++;
            }
        }

        private static int Precedence(char symbol)
        {
            switch (symbol)
            {
                case '+':
                case '-':
                    return 1;
                case '*':
                case '/':
                    return 2;
                case '^':
                    return 3;
                default:
                    return 0;
            }
        }

        private Node ParseBinary(int minimum)
        {
            Node left = ParsePrimary();
            while (true)
            {
                SkipSpace();
                char symbol = position < text.Length ? text[position] : '\0';
                int precedence = Precedence(symbol);
                if (precedence < minimum)
                {
                    return left;
                }
                position++;
                // Powers associate to the right, everything else to the left.
                int next = symbol == '^' ? precedence : precedence + 1;
                left = new BinaryNode(symbol, left, ParseBinary(next));
            }
        }

        private Node ParsePrimary()
        {
            SkipSpace();
            if (position >= text.Length)
            {
                throw Error("expected a value");
            }
            char c = text[position];
            if (c == '-')
            {
                position++;
                return new BinaryNode('-', new NumberNode(0), ParseBinary(3));
            }
            if (c == '(')
            {
                position++;
                Node inner = ParseBinary(1);
                Expect(')');
                return inner;
            }
            if (char.IsDigit(c) || c == '.')
            {
                return new NumberNode(ParseNumber());
            }
            if (char.IsLetter(c))
            {
                return ParseName();
            }
            throw Error($"unexpected '{c}'");
        }

        private double ParseNumber()
        {
            int start = position;
            while (position < text.Length && (char.IsDigit(text[position]) || text[position] == '.'))
            {
                position++;
            }
            string digits = text.Substring(start, position - start);
            return double.Parse(digits, NumberStyles.Float, CultureInfo.InvariantCulture);
        }

        private Node ParseName()
        {
            var name = new StringBuilder();
            while (position < text.Length && char.IsLetterOrDigit(text[position]))
            {
                name.Append(text[position++]);
            }
            SkipSpace();
            if (position >= text.Length || text[position] != '(')
            {
                return new VariableNode(name.ToString());
            }
            var arguments = new List<Node>();
            do
            {
                position++;
                arguments.Add(ParseBinary(1));
                SkipSpace();
            }
            while (position < text.Length && text[position] == ',');
            Expect(')');
            return new CallNode(name.ToString(), arguments);
        }

        private void Expect(char wanted)
        {
            SkipSpace();
            if (position >= text.Length || text[position] != wanted)
            {
                throw Error($"expected '{wanted}'");
            }
            position++;
        }
    }
}
