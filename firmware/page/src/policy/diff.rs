//! Lines that differ between two texts.

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Where the next lines are: the heading of the part.
    In(String),
    /// Taken away.
    Old(String),
    /// Put in.
    New(String),
    /// So many more lines are not shown.
    More(usize),
}

/// Lines shown at most.
const SHOWN: usize = 200;
/// Lines that are compared one by one; beyond, the whole middle counts as replaced.
const COMPARED: usize = 1_500;

/// What has to be taken from `old` and put in to get `new`, with the heading (`[policy.limits]`) above each part.
pub fn lines(old: &str, new: &str) -> Vec<Line> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let front = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (a, b) = (&old[front..], &new[front..]);
    let tail = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (a, b) = (&a[..a.len() - tail], &b[..b.len() - tail]);
    let mut heading = old[..front]
        .iter()
        .rev()
        .find(|line| is_heading(line))
        .copied();
    let mut told = None;
    let mut out = Vec::new();
    for (sign, line) in script(a, b) {
        if is_heading(line) {
            heading = Some(line);
        }
        if sign == ' ' || line.trim().is_empty() {
            continue;
        }
        if !is_heading(line) && told != heading {
            out.extend(heading.map(|heading| Line::In(heading.into())));
            told = heading;
        }
        if is_heading(line) {
            told = heading;
        }
        out.push(match sign {
            '-' => Line::Old(line.into()),
            _ => Line::New(line.into()),
        });
    }
    if out.len() > SHOWN {
        let more = out.len() - SHOWN;
        out.truncate(SHOWN);
        out.push(Line::More(more));
    }
    out
}

fn is_heading(line: &str) -> bool {
    line.starts_with('[')
}

/// The longest common subsequence, as lines with their signs.
fn script<'a>(a: &[&'a str], b: &[&'a str]) -> Vec<(char, &'a str)> {
    let signed =
        |sign, lines: &[&'a str]| lines.iter().map(|line| (sign, *line)).collect::<Vec<_>>();
    if a.len() > COMPARED || b.len() > COMPARED {
        return [signed('-', a), signed('+', b)].concat();
    }
    let width = b.len() + 1;
    let mut longest = vec![0u16; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i * width + j] = if a[i] == b[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            out.push((' ', a[i]));
            (i, j) = (i + 1, j + 1);
        } else if longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
            out.push(('-', a[i]));
            i += 1;
        } else {
            out.push(('+', b[j]));
            j += 1;
        }
    }
    out.extend(signed('-', &a[i..]));
    out.extend(signed('+', &b[j..]));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_lines_come_with_their_heading() {
        let old = "[settings]\nmode = \"detect\"\n\n[policy]\na = 1\nb = 2\n\n[policy.limits]\nper_day = 3\n";
        let new = "[settings]\nmode = \"detect\"\n\n[policy]\na = 1\nb = 4\n\n[policy.limits]\nper_day = 3\nper_hour = 2\n";
        assert_eq!(
            lines(old, new),
            [
                Line::In("[policy]".into()),
                Line::Old("b = 2".into()),
                Line::New("b = 4".into()),
                Line::In("[policy.limits]".into()),
                Line::New("per_hour = 2".into()),
            ]
        );
        assert_eq!(lines(old, old), []);
    }

    #[test]
    fn a_part_that_goes_is_shown_once() {
        let old = "[a]\nx = 1\n\n[b]\ny = 1\n";
        assert_eq!(
            lines(old, "[a]\nx = 1\n"),
            [Line::Old("[b]".into()), Line::Old("y = 1".into())]
        );
    }

    #[test]
    fn what_is_shown_is_bounded() {
        let new: String = (0..5_000).map(|n| format!("    \"+1{n}\",\n")).collect();
        let shown = lines("", &new);
        assert_eq!(shown.len(), SHOWN + 1);
        assert_eq!(shown.last(), Some(&Line::More(5_000 - SHOWN)));
    }
}
