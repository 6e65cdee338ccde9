; Definitions ----------------------------------------------------------------------------------------------------------

(class_declaration name: (_) @name body: (_) @body) @definition.class
(record_declaration name: (_) @name body: (_) @body) @definition.class
(interface_declaration name: (_) @name body: (_) @body) @definition.interface
(annotation_type_declaration name: (_) @name body: (_) @body) @definition.interface
(enum_declaration name: (_) @name body: (_) @body) @definition.enum
(method_declaration name: (_) @name body: (_) @body) @definition.method
(constructor_declaration name: (_) @name body: (_) @body) @definition.method
(compact_constructor_declaration name: (_) @name body: (_) @body) @definition.method
(program (method_declaration name: (_) @name body: (_) @body) @definition.function)

(line_comment) @doc
(block_comment) @doc

; References -----------------------------------------------------------------------------------------------------------

(method_invocation name: (_) @reference.call)
(object_creation_expression type: (type_identifier) @reference.call)
(object_creation_expression type: (generic_type (type_identifier) @reference.call))
(object_creation_expression type: (scoped_type_identifier (type_identifier) @reference.call .))
(method_reference (identifier) @reference.call .)
(annotation name: (_) @reference.call)
(marker_annotation name: (_) @reference.call)
(type_identifier) @reference.type
(method_invocation object: (identifier) @reference.name)
(field_access object: (identifier) @reference.name)
(field_access field: (identifier) @reference.name)
(argument_list (identifier) @reference.name)
(return_statement (identifier) @reference.name)
(assignment_expression right: (identifier) @reference.name)
(variable_declarator value: (identifier) @reference.name)
(switch_label (identifier) @reference.name)

; Imports --------------------------------------------------------------------------------------------------------------

(import_declaration (scoped_identifier scope: (_) @import.module name: (_) @import.name) .) @import
(import_declaration (scoped_identifier) @import.module (asterisk)) @import
(import_declaration (identifier) @import.module) @import
