//! To come.
#[test]
#[ignore]
fn look() {
    use crate::recording::fixture;
    for (name, recording) in [
        ("flood", fixture::lru_flood()),
        ("zipf", fixture::zipf_read()),
        ("hostile", fixture::hostile()),
    ] {
        for plot in super::all(&recording).unwrap() {
            std::fs::write(format!("/tmp/look/{name}-{}.svg", plot.name), plot.svg).unwrap();
        }
    }
}
