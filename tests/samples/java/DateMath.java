package samples.calendar;

import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Set;

/**
 * Working-day arithmetic over plain day numbers: counting, adding and iterating over days
 * that are neither on a weekend nor a holiday.
 *
 * <p>Days are counted from 1 March 0000, which puts the leap day at the end of the year and
 * makes the conversion a matter of integer division.
 */
public final class DateMath {
    public enum Weekday {
        MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY;

        private static final Weekday[] ALL = values();

        static Weekday of(long dayNumber) {
            // Day 0 was a Wednesday.
            return ALL[(int) Math.floorMod(dayNumber + 2, 7L)];
        }
    }

    /** A date of the Gregorian calendar. Immutable. */
    public static final class Date implements Comparable<Date> {
        private final int year;
        private final int month;
        private final int day;

        public Date(int year, int month, int day) {
            if (month < 1 || month > 12) {
                throw new IllegalArgumentException("month must be 1 to 12, not " + month);
            }
            if (day < 1 || day > lengthOfMonth(year, month)) {
                throw new IllegalArgumentException(
                        String.format("%04d-%02d has no day %d", year, month, day));
            }
            this.year = year;
            this.month = month;
            this.day = day;
        }

        public static Date parse(String text) {
            String[] parts = text.split("-");
            if (parts.length != 3) {
                throw new IllegalArgumentException("expected YYYY-MM-DD: \"" + text + "\"");
            }
            try {
                return new Date(
                        Integer.parseInt(parts[0]),
                        Integer.parseInt(parts[1]),
                        Integer.parseInt(parts[2]));
            } catch (NumberFormatException error) {
                throw new IllegalArgumentException("not a date: \"" + text + "\"", error);
            }
        }

        public static Date ofDayNumber(long number) {
            long era = Math.floorDiv(number, 146097);
            long dayOfEra = number - era * 146097;
            long yearOfEra =
                    (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
            long dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
            long shifted = (5 * dayOfYear + 2) / 153;
            int day = (int) (dayOfYear - (153 * shifted + 2) / 5 + 1);
            int month = (int) (shifted < 10 ? shifted + 3 : shifted - 9);
            int year = (int) (yearOfEra + era * 400 + (month <= 2 ? 1 : 0));
            return new Date(year, month, day);
        }

        public long dayNumber() {
            long shiftedYear = month <= 2 ? year - 1 : year;
            long era = Math.floorDiv(shiftedYear, 400);
            long yearOfEra = shiftedYear - era * 400;
            long dayOfYear = (153L * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
            return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
        }

        public Weekday weekday() {
            return Weekday.of(dayNumber());
        }

        public Date plusDays(long days) {
            return ofDayNumber(dayNumber() + days);
        }

        @Override
        public int compareTo(Date other) {
            return Long.compare(dayNumber(), other.dayNumber());
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Date && dayNumber() == ((Date) other).dayNumber();
        }

        @Override
        public int hashCode() {
            return Objects.hash(year, month, day);
        }

        @Override
        public String toString() {
            return String.format("%04d-%02d-%02d", year, month, day);
        }
    }

    private final Set<Weekday> weekend;
    private final List<Date> holidays;

    public DateMath(Set<Weekday> weekend, List<Date> holidays) {
        if (weekend.size() >= 7) {
            throw new IllegalArgumentException("at least one weekday must be a working day");
        }
        this.weekend = EnumSet.copyOf(weekend);
        this.holidays = new ArrayList<>(holidays);
        Collections.sort(this.holidays);
    }

    static boolean isLeapYear(int year) {
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    }

    static int lengthOfMonth(int year, int month) {
        switch (month) {
            case 2:
                return isLeapYear(year) ? 29 : 28;
            case 4:
            case 6:
            case 9:
            case 11:
                return 30;
            default:
                return 31;
        }
    }

    public boolean isWorkingDay(Date date) {
        return !weekend.contains(date.weekday())
                && Collections.binarySearch(holidays, date) < 0;
    }

    public Date addWorkingDays(Date start, int count) {
        int step = count < 0 ? -1 : 1;
        Date date = start;
        for (int left = Math.abs(count); left > 0; ) {
            date = date.plusDays(step);
            if (isWorkingDay(date)) {
                left--;
            }
        }
        return date;
    }

    /** The working days from first to last, both included. */
    public Iterable<Date> workingDays(Date first, Date last) {
        return () -> new Iterator<Date>() {
            private Date next = advance(first);

            private Date advance(Date from) {
                Date date = from;
                while (date.compareTo(last) <= 0 && !isWorkingDay(date)) {
                    date = date.plusDays(1);
                }
                return date;
            }

            @Override
            public boolean hasNext() {
                return next.compareTo(last) <= 0;
            }

            @Override
            public Date next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                Date result = next;
                next = advance(next.plusDays(1));
                return result;
            }
        };
    }
}
