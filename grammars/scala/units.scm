; Scala. Members without a body (abstract definitions, plain values) stay in their type. Annotations are a part of each
; declaration's node. Of several patterns that match a node the first one decides on kind and name.

; ---- functions and methods -------------------------------------------------------------------------------------------

; Extension methods: the type they extend is the scope.
(extension_definition
  parameters: (parameters
    . (parameter type: [(type_identifier) @scope (generic_type type: (type_identifier) @scope)]))
  body: (function_definition name: (_) @name body: (_) @body) @definition.method)

(template_body (function_definition name: (_) @name body: (_) @body) @definition.method)
(enum_body (function_definition name: (_) @name body: (_) @body) @definition.method)
(function_definition name: (_) @name body: (_) @body) @definition.function

; Values that hold code.
(template_body
  (val_definition pattern: (identifier) @name value: [(block) (indented_block) (lambda_expression)] @body)
  @definition.method)

; test("name") { … }
(call_expression
  function: (call_expression function: (identifier) @_test arguments: (arguments . (string) @name))
  arguments: (block) @body
  (#any-of? @_test "test" "it" "property" "check")) @definition.method

; "name" in { … }, "name" should { … }
(infix_expression
  left: (string) @name
  operator: (identifier) @_in
  right: [(block) @body (call_expression arguments: (block) @body)]
  (#eq? @_in "in")) @definition.method
(infix_expression
  left: (string) @name
  operator: (identifier) @_should
  right: (block) @body
  (#any-of? @_should "should" "must" "can" "when" "that")) @definition.module

; ---- types -----------------------------------------------------------------------------------------------------------

(class_definition name: (_) @name body: (_)? @body) @definition.class
(object_definition name: (_) @name body: (_)? @body) @definition.class
(trait_definition name: (_) @name body: (_)? @body) @definition.interface
(enum_definition name: (_) @name body: (_) @body) @definition.enum
(given_definition name: (_) @name body: (_) @body) @definition.class
(type_definition name: (type_identifier) @name) @definition.type
(package_object name: (_) @name body: (_) @body) @definition.module
(package_clause name: (_) @name body: (_) @body) @definition.module

; ---- constants -------------------------------------------------------------------------------------------------------

(compilation_unit (val_definition pattern: (identifier) @name) @definition.constant)

; ---- documentation ---------------------------------------------------------------------------------------------------

(comment) @doc
(block_comment) @doc

; ---- references ------------------------------------------------------------------------------------------------------

(call_expression
  function: [
    (identifier) @reference.call
    (field_expression field: (identifier) @reference.call)
    (generic_function function: (identifier) @reference.call)
    (generic_function function: (field_expression field: (identifier) @reference.call))
  ])
(infix_expression operator: (identifier) @reference.call)
(instance_expression (type_identifier) @reference.call)
(instance_expression (generic_type type: (type_identifier) @reference.call))
(type_identifier) @reference.type
(field_expression value: (identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(field_expression field: (identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(arguments (identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(case_clause pattern: (identifier) @reference.name (#match? @reference.name "^[A-Z]"))

; ---- imports ---------------------------------------------------------------------------------------------------------

; A path has no node of its own; its last word stands for it.
(import_declaration (identifier) @import.module @import.name .) @import
(import_declaration
  (identifier) @import.module
  . (namespace_selectors
    [(identifier) @import.name (arrow_renamed_identifier name: (identifier) @import.name)])) @import
(import_declaration
  (identifier) @import.module
  . (as_renamed_identifier name: (identifier) @import.name)) @import
(import_declaration (identifier) @import.module . (namespace_wildcard)) @import
