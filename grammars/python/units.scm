; Definitions ----------------------------------------------------------------------------------------------------------

(class_definition name: (_) @name body: (_) @body) @definition.class
(class_definition body: (block (function_definition name: (_) @name body: (_) @body) @definition.method))
(class_definition body: (block (decorated_definition (function_definition name: (_) @name body: (_) @body) @definition.method)))
(function_definition name: (_) @name body: (_) @body) @definition.function
(type_alias_statement left: (_) @name) @definition.type
(module (expression_statement . (assignment left: (identifier) @name right: (_)) @definition.constant))

(decorated_definition definition: (_) @inner) @outer

; Doc strings and comments.
(module . (comment)* . (expression_statement . (string) @doc .))
(block . (comment)* . (expression_statement . (string) @doc .))
(comment) @doc

; References -----------------------------------------------------------------------------------------------------------

(call function: (identifier) @reference.call)
(call function: (attribute attribute: (identifier) @reference.call))
(decorator (identifier) @reference.call)
(decorator (attribute attribute: (identifier) @reference.call))
(class_definition superclasses: (argument_list (identifier) @reference.type))
(class_definition superclasses: (argument_list (attribute attribute: (identifier) @reference.type)))
(type (identifier) @reference.type)
(type (attribute attribute: (identifier) @reference.type))
(type (generic_type (identifier) @reference.type))
(type (binary_operator (identifier) @reference.type))
(type (subscript (identifier) @reference.type))
(except_clause (identifier) @reference.type)
(except_clause (as_pattern (identifier) @reference.type))
(argument_list (identifier) @reference.name)
(keyword_argument value: (identifier) @reference.name)
(attribute object: (identifier) @reference.name)
(assignment right: (identifier) @reference.name)
(pair value: (identifier) @reference.name)
(list (identifier) @reference.name)
(tuple (identifier) @reference.name)
(return_statement (identifier) @reference.name)
(raise_statement (identifier) @reference.type)
(default_parameter value: (identifier) @reference.name)
(typed_default_parameter value: (identifier) @reference.name)
(comparison_operator (identifier) @reference.name)

; Imports --------------------------------------------------------------------------------------------------------------

(import_statement name: (dotted_name) @import.module) @import
(import_statement name: (aliased_import name: (dotted_name) @import.module)) @import
(import_from_statement module_name: (_) @import.module) @import
(import_from_statement module_name: (_) @import.module name: (dotted_name) @import.name) @import
(import_from_statement module_name: (_) @import.module name: (aliased_import name: (dotted_name) @import.name)) @import
(future_import_statement "__future__" @import.module name: (dotted_name) @import.name) @import
