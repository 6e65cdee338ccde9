; Definitions ----------------------------------------------------------------------------------------------------------

(function_declaration name: (_) @name body: (_) @body) @definition.function
(function_declaration name: (_) @name) @definition.function
(method_declaration receiver: (parameter_list (parameter_declaration type: [(type_identifier) @scope (pointer_type (type_identifier) @scope) (generic_type type: (type_identifier) @scope) (pointer_type (generic_type type: (type_identifier) @scope))])) name: (_) @name body: (_)? @body) @definition.method
(method_declaration name: (_) @name body: (_)? @body) @definition.method

(type_spec name: (_) @name type: (struct_type (field_declaration_list) @body)) @definition.class
(type_spec name: (_) @name type: (interface_type)) @definition.interface
(type_spec name: (_) @name) @definition.type
(type_alias name: (_) @name) @definition.type
(type_declaration "type" . [(type_spec) (type_alias)] @inner .) @outer

(source_file (const_declaration "(" . (const_spec name: (_) @name)) @definition.constant)
(source_file (var_declaration (var_spec_list . (var_spec name: (_) @name))) @definition.constant)
(source_file (var_declaration (var_spec name: (_) @name)) @definition.constant)
(source_file (const_declaration (const_spec name: (_) @name)) @definition.constant)

(comment) @doc

; References -----------------------------------------------------------------------------------------------------------

(call_expression function: (identifier) @reference.call)
(call_expression function: (selector_expression field: (field_identifier) @reference.call))
(call_expression function: (parenthesized_expression (identifier) @reference.call))
(type_identifier) @reference.type
(argument_list (identifier) @reference.name)
(selector_expression operand: (identifier) @reference.name)
(keyed_element value: (literal_element (identifier) @reference.name))
(expression_list (identifier) @reference.name)
(binary_expression right: (identifier) @reference.name)
(argument_list (selector_expression field: (field_identifier) @reference.name))
(expression_list (selector_expression field: (field_identifier) @reference.name))

; Imports --------------------------------------------------------------------------------------------------------------

(import_spec path: (_) @import.module) @import
