//! Every operation of the OpenAPI document, against everything that holds for all of them.

mod access;
mod coverage;
mod input;
mod public;
mod table;
