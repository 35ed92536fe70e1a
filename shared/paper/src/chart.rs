//! Plots: bars beside each other, each with its number, so that nothing has to be measured with the eye.

use maud::{Markup, html};

/// A number with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// What it counts.
    pub name: String,
    /// How many.
    pub count: u64,
}

const NAME: u64 = 230;
const WIDTH: u64 = 720;
const ROW: u64 = 28;
/// What is left for the number behind the longest bar.
const NUMBER: u64 = 80;

/// The bars as a picture. What it says is in its name too, for who does not see it.
pub(crate) fn picture(caption: &str, bars: &[Bar]) -> Markup {
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(0).max(1);
    let room = WIDTH - NAME - NUMBER;
    let rows = u64::try_from(bars.len()).unwrap_or(0);
    let said: Vec<_> = bars.iter().map(|bar| format!("{}: {}", bar.name, bar.count)).collect();
    html! {
        figure {
            figcaption { (caption) }
            svg role="img" viewBox=(format!("0 0 {WIDTH} {}", rows * ROW)) width=(WIDTH) aria-label=(format!("{caption}. {}", said.join("; "))) {
                @for (row, bar) in (0_u64..).zip(bars) {
                    @let width = scaled(bar.count, most, room);
                    text x=(NAME - 10) y=(row * ROW + 19) text-anchor="end" font-size="14" fill="#1c2321" { (bar.name) }
                    rect x=(NAME) y=(row * ROW + 4) width=(width.max(1)) height=(ROW - 8) fill="#0b6b53" {}
                    text x=(NAME + width + 8) y=(row * ROW + 19) font-size="14" fill="#1c2321" { (bar.count) }
                }
            }
        }
    }
}

fn scaled(count: u64, most: u64, room: u64) -> u64 {
    let scaled = u128::from(count) * u128::from(room) / u128::from(most.max(1));
    u64::try_from(scaled).unwrap_or(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_fills_the_room_and_the_others_are_in_proportion() {
        assert_eq!(scaled(10, 10, 400), 400);
        assert_eq!(scaled(5, 10, 400), 200);
        assert_eq!(scaled(0, 10, 400), 0);
        assert_eq!(scaled(u64::MAX, u64::MAX, 400), 400);
    }
}
