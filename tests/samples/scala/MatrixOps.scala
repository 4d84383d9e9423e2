package samples.linalg

import scala.annotation.tailrec
import scala.reflect.ClassTag

/** The arithmetic that a matrix needs of its elements. */
trait Field[A] {
  def zero: A
  def one: A
  def plus(a: A, b: A): A
  def times(a: A, b: A): A
  def negate(a: A): A
  def inverse(a: A): Option[A]

  final def minus(a: A, b: A): A = plus(a, negate(b))
}

object Field {
  def apply[A](implicit field: Field[A]): Field[A] = field

  implicit val doubles: Field[Double] = new Field[Double] {
    val zero = 0.0
    val one = 1.0
    def plus(a: Double, b: Double): Double = a + b
    def times(a: Double, b: Double): Double = a * b
    def negate(a: Double): Double = -a
    def inverse(a: Double): Option[Double] = if (math.abs(a) < 1e-12) None else Some(1.0 / a)
  }

  /** Fractions, always in lowest terms and with a positive denominator. */
  final class Ratio private (val numerator: BigInt, val denominator: BigInt) {
    override def toString: String =
      if (denominator == 1) numerator.toString else s"$numerator/$denominator"

    override def equals(other: Any): Boolean = other match {
      case that: Ratio => numerator == that.numerator && denominator == that.denominator
      case _           => false
    }

    override def hashCode: Int = (numerator, denominator).##
  }

  object Ratio {
    def apply(numerator: BigInt, denominator: BigInt = 1): Ratio = {
      require(denominator != 0, "the denominator must not be zero")
      val divisor = numerator.gcd(denominator) * denominator.signum
      new Ratio(numerator / divisor, denominator / divisor)
    }
  }

  implicit object ratios extends Field[Ratio] {
    val zero: Ratio = Ratio(0)
    val one: Ratio = Ratio(1)

    def plus(a: Ratio, b: Ratio): Ratio =
      Ratio(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator)

    def times(a: Ratio, b: Ratio): Ratio =
      Ratio(a.numerator * b.numerator, a.denominator * b.denominator)

    def negate(a: Ratio): Ratio = Ratio(-a.numerator, a.denominator)

    def inverse(a: Ratio): Option[Ratio] =
      if (a.numerator == 0) None else Some(Ratio(a.denominator, a.numerator))
  }
}

final class Matrix[A: Field: ClassTag] private (val rows: Int, val columns: Int, data: Array[A]) {
  private val field = Field[A]
  import field._

  def apply(row: Int, column: Int): A = {
    if (row < 0 || row >= rows || column < 0 || column >= columns)
      throw new IndexOutOfBoundsException(s"($row, $column) in a $rows x $columns matrix")
    data(row * columns + column)
  }

  def map[B: Field: ClassTag](f: A => B): Matrix[B] =
    Matrix.tabulate(rows, columns)((row, column) => f(this(row, column)))

  def +(other: Matrix[A]): Matrix[A] = {
    require(rows == other.rows && columns == other.columns, "the sizes differ")
    Matrix.tabulate(rows, columns)((r, c) => plus(this(r, c), other(r, c)))
  }

  def *(other: Matrix[A]): Matrix[A] = {
    require(columns == other.rows, s"cannot multiply $columns columns by ${other.rows} rows")
    Matrix.tabulate(rows, other.columns) { (row, column) =>
      var sum = zero
      for (k <- 0 until columns) {
        sum = plus(sum, times(this(row, k), other(k, column)))
      }
      sum
    }
  }

  def transpose: Matrix[A] = Matrix.tabulate(columns, rows)((r, c) => this(c, r))

  def pow(exponent: Int): Matrix[A] = {
    require(rows == columns, "only a square matrix has powers")

    @tailrec
    def loop(base: Matrix[A], left: Int, result: Matrix[A]): Matrix[A] =
      if (left == 0) result
      else if (left % 2 == 1) loop(base * base, left / 2, result * base)
      else loop(base * base, left / 2, result)

    loop(this, exponent, Matrix.identity(rows))
  }

  /** Determinant by elimination; exact when the field is. */
  def determinant: A = {
    require(rows == columns, "only a square matrix has a determinant")
    val work = data.clone()
    var result = one
    var step = 0
    while (step < rows) {
      (step until rows).find(row => inverse(work(row * columns + step)).isDefined) match {
        case None =>
          return zero
        case Some(pivot) =>
          if (pivot != step) {
            for (column <- 0 until columns) {
              val held = work(step * columns + column)
              work(step * columns + column) = work(pivot * columns + column)
              work(pivot * columns + column) = held
            }
            result = negate(result)
          }
          val value = work(step * columns + step)
          result = times(result, value)
          for {
            reciprocal <- inverse(value)
            row <- step + 1 until rows
          } {
            val factor = times(work(row * columns + step), reciprocal)
            for (column <- step until columns) {
              val index = row * columns + column
              work(index) = minus(work(index), times(factor, work(step * columns + column)))
            }
          }
      }
      step += 1
    }
    result
  }

  override def toString: String =
    (0 until rows)
      .map(row => (0 until columns).map(this(row, _)).mkString("[", ", ", "]"))
      .mkString("\n")
}

object Matrix {
  def tabulate[A: Field: ClassTag](rows: Int, columns: Int)(f: (Int, Int) => A): Matrix[A] = {
    val data = new Array[A](rows * columns)
    for (row <- 0 until rows; column <- 0 until columns) data(row * columns + column) = f(row, column)
    new Matrix(rows, columns, data)
  }

  def identity[A: Field: ClassTag](size: Int): Matrix[A] =
    tabulate(size, size)((row, column) => if (row == column) Field[A].one else Field[A].zero)
}

object Demo extends App {
  val fibonacci = Matrix.tabulate(2, 2)((r, c) => if (r == 1 && c == 1) 0.0 else 1.0)
  println(s"the 30th Fibonacci number is ${fibonacci.pow(30)(0, 1).toLong}")
}
