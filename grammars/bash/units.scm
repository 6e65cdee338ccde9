; Bash and other shells of its family.

; ---- functions -------------------------------------------------------------------------------------------------------

(function_definition name: (word) @name body: (_) @body) @definition.function

; ---- constants -------------------------------------------------------------------------------------------------------

(program (variable_assignment name: (variable_name) @name) @definition.constant)
(program (declaration_command (variable_assignment name: (variable_name) @name)) @definition.constant)

; ---- documentation ---------------------------------------------------------------------------------------------------

(comment) @doc

; ---- references ------------------------------------------------------------------------------------------------------

(command
  name: (command_name (word) @reference.call)
  (#not-any-of? @reference.call
    "." ":" "[" "break" "cd" "command" "continue" "echo" "eval" "exec" "exit" "false" "printf" "read" "return" "set"
    "shift" "shopt" "source" "test" "trap" "true" "type" "wait"))
; Functions handed on by name: `trap clean_up EXIT`, `command_exists run_it`.
(command argument: (word) @reference.name (#match? @reference.name "^[A-Za-z]\\w*(_|::)\\w+$"))
(command
  name: (command_name (word) @_trap)
  . argument: (word) @reference.call
  (#any-of? @_trap "trap" "eval" "command" "exec"))
(simple_expansion (variable_name) @reference.name (#match? @reference.name "^[A-Z][A-Z0-9_]+$"))
(expansion (variable_name) @reference.name (#match? @reference.name "^[A-Z][A-Z0-9_]+$"))
(subscript name: (variable_name) @reference.name (#match? @reference.name "^[A-Z][A-Z0-9_]+$"))

; ---- imports ---------------------------------------------------------------------------------------------------------

(command
  name: (command_name (word) @_source)
  . argument: [(word) (string) (raw_string) (concatenation)] @import.module
  (#any-of? @_source "source" "." "\\.")) @import
