//! The scenario folder is embedded in the binary, so the binary follows it.

fn main() {
    println!("cargo:rerun-if-changed=scenarios");
}
