// Dense matrices of a size known at compile time, with the operations that a small
// physics or graphics program needs. Storage is row-major; nothing here allocates.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>

namespace linear {

template <typename T, std::size_t Rows, std::size_t Columns>
class Matrix {
public:
    using value_type = T;
    static constexpr std::size_t rows = Rows;
    static constexpr std::size_t columns = Columns;

    constexpr Matrix() = default;

    constexpr Matrix(std::initializer_list<T> values)
    {
        if (values.size() != Rows * Columns)
            throw std::invalid_argument("expected " + std::to_string(Rows * Columns) +
                                        " values, found " + std::to_string(values.size()));
        std::size_t i = 0;
        for (const T &value : values)
            data_[i++] = value;
    }

    static constexpr Matrix identity()
    {
        static_assert(Rows == Columns, "only a square matrix has an identity");
        Matrix result;
        for (std::size_t i = 0; i < Rows; ++i)
            result(i, i) = T{1};
        return result;
    }

    constexpr T &operator()(std::size_t row, std::size_t column)
    {
        return data_[row * Columns + column];
    }

    constexpr const T &operator()(std::size_t row, std::size_t column) const
    {
        return data_[row * Columns + column];
    }

    constexpr Matrix &operator+=(const Matrix &other)
    {
        for (std::size_t i = 0; i < data_.size(); ++i)
            data_[i] += other.data_[i];
        return *this;
    }

    constexpr Matrix &operator*=(T factor)
    {
        for (T &value : data_)
            value *= factor;
        return *this;
    }

    friend constexpr Matrix operator+(Matrix left, const Matrix &right) { return left += right; }
    friend constexpr Matrix operator*(Matrix left, T factor) { return left *= factor; }
    friend constexpr bool operator==(const Matrix &left, const Matrix &right)
    {
        return left.data_ == right.data_;
    }

    constexpr Matrix<T, Columns, Rows> transposed() const
    {
        Matrix<T, Columns, Rows> result;
        for (std::size_t row = 0; row < Rows; ++row)
            for (std::size_t column = 0; column < Columns; ++column)
                result(column, row) = (*this)(row, column);
        return result;
    }

private:
    std::array<T, Rows * Columns> data_{};
};

template <typename T, std::size_t N, std::size_t K, std::size_t M>
constexpr Matrix<T, N, M> operator*(const Matrix<T, N, K> &left, const Matrix<T, K, M> &right)
{
    Matrix<T, N, M> result;
    for (std::size_t row = 0; row < N; ++row) {
        for (std::size_t k = 0; k < K; ++k) {
            const T factor = left(row, k);
            for (std::size_t column = 0; column < M; ++column)
                result(row, column) += factor * right(k, column);
        }
    }
    return result;
}

// Solves a x = b by elimination with partial pivoting. Empty when a is singular to working
// precision.
template <typename T, std::size_t N>
std::optional<Matrix<T, N, 1>> solve(Matrix<T, N, N> a, Matrix<T, N, 1> b)
{
    for (std::size_t step = 0; step < N; ++step) {
        std::size_t pivot = step;
        for (std::size_t row = step + 1; row < N; ++row) {
            if (std::abs(a(row, step)) > std::abs(a(pivot, step)))
                pivot = row;
        }
        if (std::abs(a(pivot, step)) < T{1e-12})
            return std::nullopt;
        if (pivot != step) {
            for (std::size_t column = step; column < N; ++column)
                std::swap(a(step, column), a(pivot, column));
            std::swap(b(step, 0), b(pivot, 0));
        }
        for (std::size_t row = step + 1; row < N; ++row) {
            const T factor = a(row, step) / a(step, step);
            for (std::size_t column = step; column < N; ++column)
                a(row, column) -= factor * a(step, column);
            b(row, 0) -= factor * b(step, 0);
        }
    }

    Matrix<T, N, 1> x;
    for (std::size_t row = N; row-- > 0;) {
        T sum = b(row, 0);
        for (std::size_t column = row + 1; column < N; ++column)
            sum -= a(row, column) * x(column, 0);
        x(row, 0) = sum / a(row, row);
    }
    return x;
}

template <typename T, std::size_t Rows, std::size_t Columns>
std::ostream &operator<<(std::ostream &out, const Matrix<T, Rows, Columns> &matrix)
{
    for (std::size_t row = 0; row < Rows; ++row) {
        out << (row == 0 ? "[" : " ");
        for (std::size_t column = 0; column < Columns; ++column)
            out << (column == 0 ? "" : ", ") << matrix(row, column);
        out << (row + 1 == Rows ? "]" : ";\n");
    }
    return out;
}

using Vector3 = Matrix<double, 3, 1>;
using Matrix3 = Matrix<double, 3, 3>;

inline double dot(const Vector3 &a, const Vector3 &b)
{
    return (a.transposed() * b)(0, 0);
}

inline Vector3 cross(const Vector3 &a, const Vector3 &b)
{
    return {a(1, 0) * b(2, 0) - a(2, 0) * b(1, 0),
            a(2, 0) * b(0, 0) - a(0, 0) * b(2, 0),
            a(0, 0) * b(1, 0) - a(1, 0) * b(0, 0)};
}

} // namespace linear
