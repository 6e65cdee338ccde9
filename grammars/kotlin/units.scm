; Kotlin. Members of a companion object count as members of its class. Annotations are a part of each declaration's node.
; Of several patterns that match a node the first one decides on kind and name.

; ---- functions and methods -------------------------------------------------------------------------------------------

; Extensions: the receiver is the scope.
(function_declaration
  [
    (user_type (identifier) @scope .)
    (user_type (identifier) @scope . (type_arguments) .)
    (nullable_type (user_type (identifier) @scope .))
    (nullable_type (user_type (identifier) @scope . (type_arguments) .))
  ]
  . name: (identifier) @name
  (function_body)? @body) @definition.function

; The parser often takes the last word of `Receiver.name` for a part of the type and leaves the name empty.
(function_declaration
  [
    (user_type (identifier) @scope . (identifier) @name .)
    (user_type (identifier) @scope . (type_arguments) . (identifier) @name .)
  ]
  . name: (identifier) @_missing
  (function_body)? @body
  (#eq? @_missing "")) @definition.function

(class_body (function_declaration name: (identifier) @name (function_body)? @body) @definition.method)
(enum_class_body (function_declaration name: (identifier) @name (function_body)? @body) @definition.method)
(function_declaration name: (identifier) @name (function_body)? @body) @definition.function

(secondary_constructor "constructor" @name (block)? @body) @definition.method

; Properties that compute.
(property_declaration (variable_declaration . (identifier) @name) (getter (function_body)) @body) @definition.method

; ---- types -----------------------------------------------------------------------------------------------------------

(class_declaration "interface" name: (identifier) @name (class_body)? @body) @definition.interface
(class_declaration name: (identifier) @name (enum_class_body) @body) @definition.enum
(class_declaration "class" name: (identifier) @name (class_body)? @body) @definition.class
(object_declaration name: (identifier) @name (class_body)? @body) @definition.class
(type_alias type: (identifier) @name) @definition.type

; ---- constants -------------------------------------------------------------------------------------------------------

(source_file (property_declaration (variable_declaration . (identifier) @name)) @definition.constant)

; ---- documentation ---------------------------------------------------------------------------------------------------

(block_comment) @doc
(line_comment) @doc

; ---- references ------------------------------------------------------------------------------------------------------

(call_expression . (identifier) @reference.call)
(call_expression . (navigation_expression (identifier) @reference.call .))
; `map<T> { … }` is taken for two comparisons.
(binary_expression
  left: (binary_expression left: [(identifier) @reference.call (navigation_expression (identifier) @reference.call .)])
  right: (lambda_literal))
(infix_expression . (_) . (identifier) @reference.call . (_))
(callable_reference (identifier) @reference.call .)
(user_type (identifier) @reference.type .)
(user_type (identifier) @reference.type . (type_arguments) .)
(navigation_expression . (identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(navigation_expression . (identifier) . (identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(value_argument (identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(infix_expression (identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(binary_expression (identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(return_expression (identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(property_declaration (identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(when_entry condition: (identifier) @reference.name (#match? @reference.name "^[A-Z]"))

; ---- imports ---------------------------------------------------------------------------------------------------------

(import (qualified_identifier (identifier) @import.name .) @import.module) @import
