//! Finds scenario files, in the binary and on disk. The only part of the module that touches files.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::error::MAX_TEXT;
use super::{Scenario, ScenarioError, parse};

static BUILTIN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/scenarios");

/// Folders within folders are followed so deep.
const MAX_DEPTH: usize = 16;

/// The scenarios of the binary, sorted by id.
pub fn builtin() -> Result<Vec<Scenario>, ScenarioError> {
    let mut found = Vec::new();
    embedded(&BUILTIN, &mut found);
    let mut scenarios = found
        .into_iter()
        .map(|(path, text)| parse(&id_of(path), &format!("scenarios/{}", path.display()), text))
        .collect::<Result<Vec<_>, _>>()?;
    scenarios.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(scenarios)
}

fn embedded<'a>(folder: &'a Dir<'a>, found: &mut Vec<(&'a Path, &'a str)>) {
    let files = folder.files().filter(|file| is_scenario(file.path()));
    found.extend(files.map(|file| (file.path(), file.contents_utf8().unwrap_or_default())));
    folder.dirs().for_each(|folder| embedded(folder, found));
}

/// The scenarios of files and folders, sorted by id; of those with equal ids the last one stays.
///
/// The id of a file within a folder is its path below that folder without extension, that of a file by itself its stem.
pub fn load(paths: &[PathBuf]) -> Result<Vec<Scenario>, ScenarioError> {
    let mut scenarios = std::collections::BTreeMap::new();
    for path in paths {
        for (id, file) in files_of(path)? {
            scenarios.insert(id.clone(), parse(&id, &file.display().to_string(), &read(&file)?)?);
        }
    }
    Ok(scenarios.into_values().collect())
}

fn files_of(path: &Path) -> Result<Vec<(String, PathBuf)>, ScenarioError> {
    if !fs::metadata(path).map_err(|source| unreadable(path, source))?.is_dir() {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(vec![(stem, path.to_owned())]);
    }
    let mut files = Vec::new();
    walk(path, MAX_DEPTH, &mut files)?;
    files.sort();
    if files.is_empty() {
        return Err(ScenarioError::Nothing { folder: path.display().to_string() });
    }
    let named = |file: PathBuf| (id_of(file.strip_prefix(path).unwrap_or(&file)), file);
    Ok(files.into_iter().map(named).collect())
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), ScenarioError> {
    for entry in fs::read_dir(folder).map_err(|source| unreadable(folder, source))? {
        let entry = entry.map_err(|source| unreadable(folder, source))?;
        let path = entry.path();
        // Links to folders are not followed, so no folder is seen twice.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && depth > 0 {
            walk(&path, depth - 1, files)?;
        } else if !is_folder && is_scenario(&path) {
            files.push(path);
        }
    }
    Ok(())
}

/// The text of a file. Its size is looked at before it is read; what has none (a pipe) is read up to the bound.
pub(crate) fn read(file: &Path) -> Result<String, ScenarioError> {
    let name = || file.display().to_string();
    let bytes = fs::metadata(file).map_err(|source| unreadable(file, source))?.len();
    if bytes > MAX_TEXT {
        return Err(ScenarioError::TooLarge { file: name(), bytes });
    }
    let mut text = String::new();
    let opened = fs::File::open(file).map_err(|source| unreadable(file, source))?;
    let bytes = opened.take(MAX_TEXT + 1).read_to_string(&mut text).map_err(|source| unreadable(file, source))?;
    if bytes as u64 > MAX_TEXT {
        return Err(ScenarioError::TooLarge { file: name(), bytes: bytes as u64 });
    }
    Ok(text)
}

fn unreadable(path: &Path, source: std::io::Error) -> ScenarioError {
    ScenarioError::Unreadable { file: path.display().to_string(), source }
}

fn is_scenario(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// The path without extension, with `/` on every system.
fn id_of(path: &Path) -> String {
    let stem = path.with_extension("");
    let parts: Vec<_> = stem.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECHO: &str = "title: a\nsteps:\n  - expect: echo\n";

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn ids(scenarios: &[Scenario]) -> Vec<&str> {
        scenarios.iter().map(|scenario| scenario.id.as_str()).collect()
    }

    #[test]
    fn an_id_is_the_path_below_the_folder_or_the_stem_of_a_file() {
        let folder = folder(&[("b/deep/x.yml", ECHO), ("a.yaml", ECHO), ("notes.txt", "no scenario")]);
        assert_eq!(ids(&load(&[folder.path().into()]).unwrap()), ["a", "b/deep/x"]);
        assert_eq!(ids(&load(&[folder.path().join("b/deep/x.yml")]).unwrap()), ["x"]);
    }

    #[test]
    fn a_later_file_replaces_an_earlier_one_of_the_same_id() {
        let (first, second) =
            (folder(&[("x.yaml", ECHO)]), folder(&[("x.yaml", &ECHO.replace("title: a", "title: b"))]));
        let scenarios = load(&[first.path().into(), second.path().into()]).unwrap();
        assert_eq!((scenarios.len(), scenarios[0].title.as_str()), (1, "b"));
    }

    #[test]
    fn err_a_file_over_a_mebibyte_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.yaml");
        fs::File::create(&path).unwrap().set_len(1 << 30).unwrap();
        let error = load(&[path]).unwrap_err();
        assert!(matches!(error, ScenarioError::TooLarge { bytes: 0x4000_0000, .. }), "{error}");
    }

    #[test]
    fn err_nothing_there() {
        let folder = folder(&[("notes.txt", "")]);
        let error = load(&[folder.path().into()]).unwrap_err();
        assert!(matches!(error, ScenarioError::Nothing { .. }), "{error}");
        let error = load(&[folder.path().join("missing.yaml")]).unwrap_err();
        assert!(matches!(error, ScenarioError::Unreadable { .. }), "{error}");
    }

    #[test]
    fn the_embedded_scenarios_are_sorted() {
        let scenarios = builtin().unwrap();
        assert!(ids(&scenarios).is_sorted() && !scenarios.is_empty());
    }
}
