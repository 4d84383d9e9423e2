//! Prints count, mean, deviation and extremes of every numeric column of a CSV file.

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::process::ExitCode;

/// Running moments of a column, by Welford's method: one pass, no loss by cancellation.
#[derive(Debug, Clone)]
struct Moments {
    count: u64,
    mean: f64,
    sum_of_squares: f64,
    min: f64,
    max: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Moments {
            count: 0,
            mean: 0.0,
            sum_of_squares: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let delta = value - self.mean;
        self.mean += delta / self.count as f64;
        self.sum_of_squares += delta * (value - self.mean);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    fn deviation(&self) -> Option<f64> {
        if self.count < 2 {
            return None;
        }
        Some((self.sum_of_squares / (self.count - 1) as f64).sqrt())
    }
}

#[derive(Debug)]
enum CsvError {
    UnclosedQuote { line: usize },
    Columns { line: usize, expected: usize, found: usize },
    Empty,
}

impl std::fmt::Display for CsvError {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match *self {
            CsvError::UnclosedQuote { line } => write!(f, "line {}: a quote is not closed", line),
            CsvError::Columns { line, expected, found } => write!(
                f,
                "line {}: expected {} columns, found {}",
                line, expected, found
            ),
            CsvError::Empty => f.write_str("the file has no header"),
        }
    }
}

impl Error for CsvError {}

fn split_line(line: &str, number: usize, separator: char) -> Result<Vec<String>, CsvError> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut chars = line.chars().peekable();

    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            '"' => quoted = !quoted,
            c if c == separator && !quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    if quoted {
        return Err(CsvError::UnclosedQuote { line: number });
    }
    fields.push(field);
    Ok(fields)
}

struct Table {
    header: Vec<String>,
    columns: HashMap<usize, Moments>,
    rows: usize,
}

fn read_table<R: BufRead>(input: R, separator: char) -> Result<Table, Box<dyn Error>> {
    let mut lines = input.lines().enumerate();
    let header = match lines.next() {
        Some((_, line)) => split_line(&line?, 1, separator)?,
        None => return Err(Box::new(CsvError::Empty)),
    };
    let mut table = Table {
        header,
        columns: HashMap::new(),
        rows: 0,
    };
    for (index, line) in lines {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let fields = split_line(&line, index + 1, separator)?;
        if fields.len() != table.header.len() {
            return Err(Box::new(CsvError::Columns {
                line: index + 1,
                expected: table.header.len(),
                found: fields.len(),
            }));
        }
        for (column, field) in fields.iter().enumerate() {
            if let Ok(value) = field.trim().parse::<f64>() {
                table.columns.entry(column).or_default().add(value);
            }
        }
        table.rows += 1;
    }
    Ok(table)
}

fn print_table(table: &Table, out: &mut impl Write) -> io::Result<()> {
    let width = table.header.iter().map(|name| name.len()).max().unwrap_or(0);
    writeln!(out, "{} rows", table.rows)?;
    for (column, name) in table.header.iter().enumerate() {
        let Some(moments) = table.columns.get(&column) else {
            writeln!(out, "{name:<width$}  (no numbers)")?;
            continue;
        };
        let deviation = moments
            .deviation()
            .map_or_else(|| "-".to_string(), |d| format!("{d:.4}"));
        writeln!(
            out,
            "{:<width$}  n={} mean={:.4} sd={} min={} max={}",
            name, moments.count, moments.mean, deviation, moments.min, moments.max
        )?;
    }
    Ok(())
}

fn run() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).unwrap_or_else(|| "-".to_owned());
    let table = if path == "-" {
        read_table(io::stdin().lock(), ',')?
    } else {
        let separator = if path.ends_with(".tsv") { '\t' } else { ',' };
        read_table(BufReader::new(File::open(&path)?), separator)?
    };
    print_table(&table, &mut io::stdout().lock())?;
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("csv_stats: {error}");
            ExitCode::FAILURE
        }
    }
}
