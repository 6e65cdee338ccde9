; Lua. A function of a table has the table as its scope. Of several patterns that match a node the first one decides on
; kind and name.

; ---- functions -------------------------------------------------------------------------------------------------------

(function_declaration name: (identifier) @name body: (_)? @body) @definition.function
(function_declaration
  name: [
    (dot_index_expression table: (_) @scope field: (identifier) @name)
    (method_index_expression table: (_) @scope method: (identifier) @name)
  ]
  body: (_)? @body) @definition.method

; name = function () … end, local or not
(assignment_statement
  (variable_list . name: (identifier) @name)
  (expression_list . value: (function_definition body: (_)? @body))) @definition.function
(assignment_statement
  (variable_list . name: (dot_index_expression table: (_) @scope field: (identifier) @name))
  (expression_list . value: (function_definition body: (_)? @body))) @definition.method

; { name = function () … end }
(field
  name: [(identifier) @name (string content: (string_content) @name)]
  value: (function_definition body: (_) @body)) @definition.method

; ---- specs -----------------------------------------------------------------------------------------------------------

(function_call
  name: (identifier) @_group
  arguments: (arguments
    . (string content: (string_content) @name)
    (function_definition body: (_) @body))
  (#any-of? @_group "describe" "context")) @definition.module
(function_call
  name: (identifier) @_test
  arguments: (arguments
    . (string content: (string_content) @name)
    (function_definition body: (_) @body))
  (#any-of? @_test "it" "test" "pending" "spec")) @definition.function

; ---- constants -------------------------------------------------------------------------------------------------------

(chunk
  (variable_declaration
    (assignment_statement
      (variable_list . name: (identifier) @name)
      (expression_list . value: (table_constructor)))) @definition.constant)
(chunk
  (assignment_statement
    (variable_list
      . name: [
        (identifier) @name
        (dot_index_expression table: (_) @scope field: (identifier) @name)
      ])
    (expression_list . value: (table_constructor))) @definition.constant)

; ---- documentation ---------------------------------------------------------------------------------------------------

(comment) @doc

; ---- references ------------------------------------------------------------------------------------------------------

(function_call
  name: [
    (identifier) @reference.call
    (dot_index_expression field: (identifier) @reference.call)
    (method_index_expression method: (identifier) @reference.call)
  ])
(arguments (dot_index_expression field: (identifier) @reference.name))
(arguments (identifier) @reference.name (#match? @reference.name "_|[A-Z]"))
(expression_list value: (dot_index_expression field: (identifier) @reference.name))
(expression_list value: (identifier) @reference.name (#match? @reference.name "_|[A-Z]"))
(field value: (identifier) @reference.name)

; ---- imports ---------------------------------------------------------------------------------------------------------

(function_call
  name: (identifier) @_require
  arguments: (arguments . (string content: (string_content) @import.module))
  (#any-of? @_require "require" "dofile" "loadfile")) @import
(variable_declaration
  (assignment_statement
    (variable_list . name: (identifier) @import.name)
    (expression_list
      . value: (function_call
        name: (identifier) @_require
        arguments: (arguments . (string content: (string_content) @import.module))) @import))
  (#eq? @_require "require"))
