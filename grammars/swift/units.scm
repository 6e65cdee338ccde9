; Swift. Extensions count as the type they extend. Requirements of protocols and stored properties stay in their type.
; Attributes are a part of each declaration's node. Of several patterns that match a node the first one decides on kind
; and name.

; ---- functions and methods -------------------------------------------------------------------------------------------

(class_body
  (function_declaration
    name: [
      (simple_identifier)
      (custom_operator)
      "==" "!=" "===" "!==" "<" ">" "<=" ">=" "+" "-" "*" "/" "%" "|" "^" "&" "~" "<<" ">>"
    ] @name
    body: (_) @body) @definition.method)
(enum_class_body
  (function_declaration
    name: [
      (simple_identifier)
      (custom_operator)
      "==" "!=" "===" "!==" "<" ">" "<=" ">=" "+" "-" "*" "/" "%" "|" "^" "&" "~" "<<" ">>"
    ] @name
    body: (_) @body) @definition.method)
(function_declaration
  name: [
    (simple_identifier)
    (custom_operator)
    "==" "!=" "===" "!==" "<" ">" "<=" ">=" "+" "-" "*" "/" "%" "|" "^" "&" "~" "<<" ">>"
  ] @name
  body: (_) @body) @definition.function
(macro_declaration (simple_identifier) @name definition: (_) @body) @definition.function

(init_declaration "init" @name body: (_) @body) @definition.method
(deinit_declaration "deinit" @name body: (_) @body) @definition.method
(subscript_declaration "subscript" @name (computed_property) @body) @definition.method

; Properties that compute or observe.
(property_declaration
  name: (pattern bound_identifier: (simple_identifier) @name)
  computed_value: (computed_property) @body) @definition.method
(property_declaration
  name: (pattern bound_identifier: (simple_identifier) @name)
  (willset_didset_block) @body) @definition.method

; ---- types -----------------------------------------------------------------------------------------------------------

(class_declaration name: (type_identifier) @name body: (enum_class_body) @body) @definition.enum
(class_declaration name: (type_identifier) @name body: (class_body) @body) @definition.class
(class_declaration
  name: [
    (user_type (type_identifier) @name .)
    (user_type (type_identifier) @name . (type_arguments) .)
  ]
  body: (_) @body) @definition.class
(protocol_declaration name: (type_identifier) @name body: (_) @body) @definition.interface
(typealias_declaration name: (type_identifier) @name) @definition.type

; ---- constants -------------------------------------------------------------------------------------------------------

(source_file
  (property_declaration name: (pattern bound_identifier: (simple_identifier) @name)) @definition.constant)

; ---- documentation ---------------------------------------------------------------------------------------------------

(comment) @doc
(multiline_comment) @doc

; ---- references ------------------------------------------------------------------------------------------------------

(call_expression . (simple_identifier) @reference.call)
(call_expression
  . (navigation_expression suffix: (navigation_suffix suffix: (simple_identifier) @reference.call)))
(call_expression . (prefix_expression target: (simple_identifier) @reference.call))
(constructor_expression constructed_type: (user_type (type_identifier) @reference.call .))
(constructor_expression constructed_type: (user_type (type_identifier) @reference.call . (type_arguments) .))
(macro_invocation (simple_identifier) @reference.call)
(user_type (type_identifier) @reference.type .)
(user_type (type_identifier) @reference.type . (type_arguments) .)
(navigation_expression target: (simple_identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(value_argument value: (simple_identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(value_argument
  value: (navigation_expression suffix: (navigation_suffix suffix: (simple_identifier) @reference.name)))
(control_transfer_statement result: (simple_identifier) @reference.name (#match? @reference.name "^[A-Z]"))
(property_declaration value: (simple_identifier) @reference.name (#match? @reference.name "^[A-Z]"))

; ---- imports ---------------------------------------------------------------------------------------------------------

(import_declaration (identifier) @import.module) @import
