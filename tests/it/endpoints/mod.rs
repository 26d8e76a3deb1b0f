//! Every operation of the OpenAPI document, against everything that holds for all of them.

mod access;
mod coverage;
mod encodings;
mod input;
mod public;
mod slow;
mod table;
