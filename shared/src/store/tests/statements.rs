//! Finds every SQL statement in the store's source code, so that a test of all statements also covers new ones.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use syn::{Expr, ExprLit, Item, ItemMacro, Lit, Macro, Token, punctuated::Punctuated, visit, visit::Visit};

/// The only files with statements that are assembled at run time: checks and pragmas.
const ASSEMBLED: [&str; 4] = ["backup/mod.rs", "check.rs", "restore/staging.rs", "sqlite.rs"];
/// The file that contains the statements for `api check`, which read everything.
const CHECKS: &str = "check.rs";

/// A statement and the file that contains it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Statement {
    pub(super) file: String,
    pub(super) sql: String,
}

/// Returns all of the store's statements, except for those that migrate or check a database.
pub(super) fn find_all() -> Vec<Statement> {
    let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut macros = HashMap::new();
    let mut files = Vec::new();
    for path in sources(&store) {
        let name = path.strip_prefix(&store).unwrap().display().to_string();
        let text = fs::read_to_string(&path).unwrap();
        let is_assembled = text.contains("AssertSqlSafe");
        assert!(!is_assembled || ASSEMBLED.contains(&name.as_str()), "{name} assembles SQL at run time");
        let file = syn::parse_file(&text.replace("$crate", "crate")).unwrap();
        macros.extend(file.items.iter().filter_map(macro_body));
        if name != CHECKS {
            files.push((name, file));
        }
    }
    let mut statements = Vec::new();
    for (file, parsed) in files {
        let mut literals = Literals { macros: &macros, texts: Vec::new() };
        literals.visit_file(&parsed);
        let found = literals.texts.into_iter().filter(|text| is_statement(text));
        statements.extend(found.map(|sql| Statement { file: file.clone(), sql }));
    }
    statements.sort();
    statements.dedup();
    statements
}

/// Lists the source files in a folder and its subfolders, except for tests, migrations, and the database driver.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !["tests", "migrate", "database_driver"].contains(&name) {
            found.extend(sources(&path));
        } else if Path::new(name).extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Returns the name and the body of a macro without parameters that expands to an expression.
fn macro_body(item: &Item) -> Option<(String, Expr)> {
    let Item::Macro(ItemMacro { ident: Some(name), mac, .. }) = item else { return None };
    let rule = mac.tokens.to_string();
    let body = rule.strip_prefix("() =>")?.trim().strip_prefix('{')?.trim_end_matches([' ', '}', ';']);
    Some((name.to_string(), syn::parse_str(body).unwrap()))
}

fn is_statement(text: &str) -> bool {
    ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "].iter().any(|verb| text.starts_with(verb))
}

/// Collects the text of string literals and of `concat!` calls.
struct Literals<'a> {
    macros: &'a HashMap<String, Expr>,
    texts: Vec<String>,
}

impl Literals<'_> {
    fn evaluate(&self, expression: &Expr) -> Option<String> {
        match expression {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            Expr::Macro(call) => self.expand(&call.mac),
            _ => None,
        }
    }

    /// Returns the text of a `concat!` call or of a macro that expands to a string.
    fn expand(&self, call: &Macro) -> Option<String> {
        let name = call.path.segments.last()?.ident.to_string();
        if name != "concat" {
            return self.evaluate(self.macros.get(&name)?);
        }
        let parts = call.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated).unwrap();
        Some(parts.iter().map(|part| self.evaluate(part).expect("the part must be a string")).collect())
    }
}

impl<'ast> Visit<'ast> for Literals<'_> {
    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.texts.push(literal.value());
    }

    /// Skips a file's tests, which have their own tables.
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.texts.extend(self.expand(call));
    }
}
