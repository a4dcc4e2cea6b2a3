//! Times as they are written in files.

/// Times beyond this are nobody's: no film is so long.
pub(super) const TIME_MS_MAX: u64 = 1000 * 3_600_000;

/// `[[hours:]minutes:]seconds[.fraction]`, the fraction after a dot or a comma, of up to nine digits, and each number of up to four.
pub(super) fn ms(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let mut numbers = whole.rsplit(':').map(|part| number(part, 4));
    let (seconds, minutes, hours) = (numbers.next()??, numbers.next()??, numbers.next().unwrap_or(Some(0))?);
    let ms = ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths(fraction)?;
    (numbers.next().is_none() && minutes < 60 && seconds < 60 && ms <= TIME_MS_MAX).then_some(ms)
}

/// A number of at most so many digits.
pub(super) fn number(text: &str, digits_max: usize) -> Option<u64> {
    let is_number = (1..=digits_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

/// The thousandths of a fraction; what is less than one is cut off.
fn thousandths(fraction: &str) -> Option<u64> {
    let billionths = number(fraction, 9)? * 10_u64.pow(9 - fraction.len() as u32);
    Some(billionths / 1_000_000)
}

/// The two times around an arrow, and what stands after them.
pub(super) fn span(line: &str) -> Option<(u64, u64, &str)> {
    let (start, rest) = line.split_once("-->")?;
    let rest = rest.trim();
    let is_of_time = |character: char| character.is_ascii_digit() || matches!(character, ':' | '.' | ',');
    let (end, settings) = rest.split_at(rest.find(|character: char| !is_of_time(character)).unwrap_or(rest.len()));
    let is_apart = settings.is_empty() || settings.starts_with([' ', '\t']);
    Some((ms(start.trim())?, ms(end)?, settings.trim())).filter(|_| is_apart)
}

/// Whether a line that is none was meant to be the time of a cue.
pub(super) fn is_meant(line: &str) -> bool {
    let is_time = |word: &str| word.matches(':').count() >= 2 && word.starts_with(|first: char| first.is_ascii_digit());
    line.contains("-->") || is_time(line) && line.split_ascii_whitespace().filter(|word| is_time(word)).count() >= 2
}

/// What is wrong with a time that cannot be read.
pub(super) fn unreadable(line: &str) -> String {
    const SHOWN_MAX: usize = 60;
    let shown: String = line.chars().filter(|character| !character.is_control()).take(SHOWN_MAX).collect();
    format!("this is not the time of a cue: {shown}")
}
