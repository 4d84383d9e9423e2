package samples.units

import kotlin.math.abs
import kotlin.math.pow

/**
 * Quantities with units. A unit is a factor and the powers of the base dimensions, so that
 * `5 km / 2 h` is a speed and adding it to a mass is an error.
 */

private val SUPERSCRIPTS = mapOf('-' to '⁻', '0' to '⁰', '1' to '¹', '2' to '²', '3' to '³', '4' to '⁴')

enum class Dimension(val symbol: String) { LENGTH("m"), MASS("kg"), TIME("s"), CURRENT("A") }

class UnitMismatch(message: String) : IllegalArgumentException(message)

data class Dimensions(private val powers: Map<Dimension, Int>) {
    operator fun get(dimension: Dimension): Int = powers[dimension] ?: 0

    private fun combine(other: Dimensions, sign: Int): Dimensions {
        val result = mutableMapOf<Dimension, Int>()
        for (dimension in Dimension.values()) {
            val power = this[dimension] + sign * other[dimension]
            if (power != 0) {
                result[dimension] = power
            }
        }
        return Dimensions(result)
    }

    operator fun times(other: Dimensions) = combine(other, 1)

    operator fun div(other: Dimensions) = combine(other, -1)

    fun power(exponent: Int) = Dimensions(powers.mapValues { (_, value) -> value * exponent })

    override fun toString(): String =
        if (powers.isEmpty()) "1"
        else powers.entries
            .sortedByDescending { it.value }
            .joinToString("·") { (dimension, power) ->
                when (power) {
                    1 -> dimension.symbol
                    else -> dimension.symbol + power.toString().map { SUPERSCRIPTS[it] ?: it }.joinToString("")
                }
            }

    companion object {
        val NONE = Dimensions(emptyMap())

        fun of(dimension: Dimension) = Dimensions(mapOf(dimension to 1))
    }
}

data class Unit(val name: String, val factor: Double, val dimensions: Dimensions)

class Quantity(val value: Double, val dimensions: Dimensions) : Comparable<Quantity> {
    operator fun plus(other: Quantity): Quantity {
        requireSame(other, "add")
        return Quantity(value + other.value, dimensions)
    }

    operator fun minus(other: Quantity): Quantity {
        requireSame(other, "subtract")
        return Quantity(value - other.value, dimensions)
    }

    operator fun times(other: Quantity) = Quantity(value * other.value, dimensions * other.dimensions)

    operator fun div(other: Quantity): Quantity {
        if (other.value == 0.0) throw ArithmeticException("division by zero")
        return Quantity(value / other.value, dimensions / other.dimensions)
    }

    operator fun unaryMinus() = Quantity(-value, dimensions)

    infix fun to(unit: Unit): Double {
        if (unit.dimensions != dimensions) {
            throw UnitMismatch("$dimensions cannot be given in ${unit.name}")
        }
        return value / unit.factor
    }

    fun isCloseTo(other: Quantity, tolerance: Double = 1e-9): Boolean {
        requireSame(other, "compare")
        return abs(value - other.value) <= tolerance * maxOf(1.0, abs(value), abs(other.value))
    }

    override fun compareTo(other: Quantity): Int {
        requireSame(other, "compare")
        return value.compareTo(other.value)
    }

    override fun equals(other: Any?): Boolean =
        other is Quantity && value == other.value && dimensions == other.dimensions

    override fun hashCode(): Int = 31 * value.hashCode() + dimensions.hashCode()

    override fun toString() = "$value $dimensions"

    private fun requireSame(other: Quantity, verb: String) {
        if (dimensions != other.dimensions) {
            throw UnitMismatch("cannot $verb $dimensions and ${other.dimensions}")
        }
    }
}

class Registry {
    private val units = HashMap<String, Unit>()

    fun base(name: String, dimension: Dimension): Unit =
        define(name, 1.0, Dimensions.of(dimension))

    fun define(name: String, factor: Double, dimensions: Dimensions): Unit {
        check(name !in units) { "the unit $name is already there" }
        return Unit(name, factor, dimensions).also { units[name] = it }
    }

    /** Reads texts such as "3.5 km/h^2". */
    fun parse(text: String): Quantity {
        val match = Regex("""^\s*([-+]?[0-9.]+(?:[eE][-+]?\d+)?)\s*(.*)$""").find(text)
            ?: throw IllegalArgumentException("expected a number and a unit: \"$text\"")
        val (number, rest) = match.destructured
        var factor = number.toDouble()
        var dimensions = Dimensions.NONE
        var sign = 1
        for (part in rest.split(Regex("(?<=[*/])|(?=[*/])")).map(String::trim)) {
            when {
                part.isEmpty() -> continue
                part == "*" -> sign = 1
                part == "/" -> sign = -1
                else -> {
                    val (name, exponent) = part.split('^').let { it[0] to (it.getOrNull(1)?.toInt() ?: 1) }
                    val unit = units[name] ?: throw NoSuchElementException("unknown unit $name")
                    factor *= unit.factor.pow(sign * exponent)
                    dimensions *= unit.dimensions.power(sign * exponent)
                }
            }
        }
        return Quantity(factor, dimensions)
    }
}

val SI = Registry().apply {
    val metre = base("m", Dimension.LENGTH)
    val second = base("s", Dimension.TIME)
    base("kg", Dimension.MASS)
    define("km", 1000.0, metre.dimensions)
    define("h", 3600.0, second.dimensions)
    define("N", 1.0, Dimensions.of(Dimension.MASS) * metre.dimensions / second.dimensions.power(2))
}

fun main(args: Array<String>) {
    val distance = SI.parse("5 km")
    val speed = distance / SI.parse("0.5 h")
    println("speed: $speed")
    for (argument in args) {
        runCatching { SI.parse(argument) }
            .onSuccess { println(it) }
            .onFailure { error -> System.err.println("$argument: ${error.message}") }
    }
}
