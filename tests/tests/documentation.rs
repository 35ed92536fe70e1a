//! What the documentation says is what the code does.

#![allow(missing_docs, reason = "nobody reads the documentation of a test")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[test]
fn the_retention_schedule_of_the_documentation_is_the_one_that_the_purge_goes_by() {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme
        .split_once("<!-- retention schedule: written by `assent retention schedule` -->\n")
        .unwrap();
    let (written, _) = rest.split_once("<!-- end of the retention schedule -->").unwrap();
    assert_eq!(
        written,
        assent::retention::table(),
        "put what `cargo run -- retention schedule` prints between the marks"
    );
}
