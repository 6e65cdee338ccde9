; Definitions ----------------------------------------------------------------------------------------------------------

(function_declaration name: (_) @name body: (_) @body) @definition.function
(generator_function_declaration name: (_) @name body: (_) @body) @definition.function
(class_declaration name: (_) @name body: (_) @body) @definition.class
(method_definition name: (_) @name body: (_) @body) @definition.method
(field_definition property: (_) @name value: (arrow_function body: (_) @body)) @definition.method
(field_definition property: (_) @name value: (function_expression body: (_) @body)) @definition.method

; Functions and classes that are values.
(variable_declarator name: (identifier) @name value: (arrow_function body: (_) @body)) @definition.function
(variable_declarator name: (identifier) @name value: (function_expression body: (_) @body)) @definition.function
(variable_declarator name: (identifier) @name value: (generator_function body: (_) @body)) @definition.function
(variable_declarator name: (identifier) @name value: (class body: (_) @body)) @definition.class
(pair key: (_) @name value: (arrow_function body: (statement_block) @body)) @definition.method
(pair key: (_) @name value: (function_expression body: (_) @body)) @definition.method

; Foo.prototype.bar = function, Foo.bar = function, exports.bar = function, module.exports = function
(assignment_expression
  left: (member_expression object: (member_expression object: (identifier) @scope property: (property_identifier) @_p (#eq? @_p "prototype"))
    property: (property_identifier) @name)
  right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.method
(assignment_expression
  left: (member_expression object: (identifier) @scope (#not-any-of? @scope "exports" "module" "window" "self" "globalThis") property: (property_identifier) @name)
  right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.function
(assignment_expression
  left: (member_expression property: (property_identifier) @name)
  right: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @definition.function
(assignment_expression
  left: (member_expression property: (property_identifier) @name)
  right: (class body: (_) @body)) @definition.class
(export_statement "default" @name value: (arrow_function body: (_) @body)) @definition.function
(export_statement "default" @name value: (function_expression body: (_) @body)) @definition.function
(export_statement "default" @name value: (class body: (_) @body)) @definition.class

; Constants of the whole file.
(program (lexical_declaration (variable_declarator name: (identifier) @name value: (_)) @definition.constant))
(program (variable_declaration (variable_declarator name: (identifier) @name value: (_)) @definition.constant))
(program (export_statement (lexical_declaration (variable_declarator name: (identifier) @name value: (_)) @definition.constant)))
(program (expression_statement (assignment_expression left: (member_expression property: (property_identifier) @name) right: (object)) @definition.constant))
(export_statement "default" @name value: [(object) (call_expression)]) @definition.constant

; What belongs to a definition besides its node.
(export_statement declaration: (_) @inner) @outer
(lexical_declaration . (variable_declarator) @inner) @outer
(variable_declaration . (variable_declarator) @inner) @outer
(export_statement declaration: (lexical_declaration . (variable_declarator) @inner)) @outer
(export_statement decorator: (_) @outer declaration: (_) @inner)

(comment) @doc

; References -----------------------------------------------------------------------------------------------------------

(call_expression function: (identifier) @reference.call)
(call_expression function: (member_expression property: (property_identifier) @reference.call))
(new_expression constructor: (identifier) @reference.call)
(new_expression constructor: (member_expression property: (property_identifier) @reference.call))
(decorator (identifier) @reference.call)
(class_heritage (identifier) @reference.type)
(class_heritage (member_expression property: (property_identifier) @reference.type))
((jsx_opening_element name: (_) @reference.call) (#match? @reference.call "[A-Z]"))
((jsx_self_closing_element name: (_) @reference.call) (#match? @reference.call "[A-Z]"))
(jsx_expression (identifier) @reference.name)
(arguments (identifier) @reference.name)
(member_expression object: (identifier) @reference.name)
(pair value: (identifier) @reference.name)
(shorthand_property_identifier) @reference.name
(array (identifier) @reference.name)
(variable_declarator value: (identifier) @reference.name)
(assignment_expression right: (identifier) @reference.name)
(return_statement (identifier) @reference.name)
(spread_element (identifier) @reference.name)
(export_specifier name: (identifier) @reference.name)

; Imports --------------------------------------------------------------------------------------------------------------

(import_statement source: (string) @import.module) @import
(import_statement (import_clause (identifier) @import.name) source: (string) @import.module) @import
(import_statement (import_clause (namespace_import (identifier) @import.name)) source: (string) @import.module) @import
(import_statement (import_clause (named_imports (import_specifier name: (_) @import.name))) source: (string) @import.module) @import
(export_statement source: (string) @import.module) @import
(export_statement (export_clause (export_specifier name: (_) @import.name)) source: (string) @import.module) @import
(variable_declarator name: (identifier) @import.name
  value: (call_expression function: (identifier) @_require arguments: (arguments . (string) @import.module .))
  (#eq? @_require "require")) @import
(variable_declarator name: (object_pattern (shorthand_property_identifier_pattern) @import.name)
  value: (call_expression function: (identifier) @_require arguments: (arguments . (string) @import.module .))
  (#eq? @_require "require")) @import
(call_expression function: (import) arguments: (arguments . (string) @import.module)) @import
