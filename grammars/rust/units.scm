; Definitions ----------------------------------------------------------------------------------------------------------

(impl_item body: (declaration_list (function_item name: (_) @name body: (_) @body) @definition.method))
(trait_item body: (declaration_list (function_item name: (_) @name body: (_) @body) @definition.method))
(function_item name: (_) @name body: (_) @body) @definition.function
(foreign_mod_item body: (declaration_list (function_signature_item name: (_) @name) @definition.function))
(struct_item name: (_) @name body: (field_declaration_list) @body) @definition.class
(struct_item name: (_) @name) @definition.class
(union_item name: (_) @name body: (_) @body) @definition.class
(enum_item name: (_) @name body: (_) @body) @definition.enum
(trait_item name: (_) @name body: (_) @body) @definition.interface
(impl_item type: (type_identifier) @name body: (_) @body) @definition.class
(impl_item type: (generic_type type: (_) @name) body: (_) @body) @definition.class
(impl_item type: (scoped_type_identifier name: (_) @name) body: (_) @body) @definition.class
(impl_item type: (reference_type type: (type_identifier) @name) body: (_) @body) @definition.class
(impl_item type: (_) @name body: (_) @body) @definition.class
(mod_item name: (_) @name body: (_) @body) @definition.module
(macro_definition name: (_) @name) @definition.function
(source_file (type_item name: (_) @name) @definition.type)
(mod_item body: (declaration_list (type_item name: (_) @name) @definition.type))
(source_file [(const_item name: (_) @name) (static_item name: (_) @name)] @definition.constant)
(mod_item body: (declaration_list [(const_item name: (_) @name) (static_item name: (_) @name)] @definition.constant))

(line_comment) @doc
(block_comment) @doc
(attribute_item) @attribute

; References -----------------------------------------------------------------------------------------------------------

(call_expression function: (identifier) @reference.call)
(call_expression function: (field_expression field: (field_identifier) @reference.call))
(call_expression function: (scoped_identifier name: (identifier) @reference.call))
(call_expression function: (scoped_identifier path: (identifier) @reference.type))
(call_expression function: (generic_function function: (identifier) @reference.call))
(call_expression function: (generic_function function: (field_expression field: (field_identifier) @reference.call)))
(call_expression function: (generic_function function: (scoped_identifier name: (identifier) @reference.call)))
(macro_invocation macro: (identifier) @reference.call)
(macro_invocation macro: (scoped_identifier name: (identifier) @reference.call))
(macro_invocation (token_tree (identifier) @reference.name))
(macro_invocation (token_tree (token_tree (identifier) @reference.name)))
(type_identifier) @reference.type
(struct_expression name: (type_identifier) @reference.type)
(scoped_identifier path: (identifier) @reference.name name: (identifier) @reference.name)
(arguments (identifier) @reference.name)
(field_expression value: (identifier) @reference.name)
(reference_expression value: (identifier) @reference.name)
(field_initializer value: (identifier) @reference.name)
(binary_expression right: (identifier) @reference.name)

; Imports --------------------------------------------------------------------------------------------------------------

(use_declaration argument: (scoped_identifier path: (_) @import.module name: (_) @import.name)) @import
(use_declaration argument: (identifier) @import.module) @import
(use_declaration argument: (scoped_use_list path: (_) @import.module)) @import
(use_declaration argument: (scoped_use_list path: (_) @import.module list: (use_list (identifier) @import.name))) @import
(use_declaration argument: (scoped_use_list path: (_) @import.module list: (use_list (scoped_identifier name: (_) @import.name)))) @import
(use_declaration argument: (scoped_use_list path: (_) @import.module list: (use_list (scoped_use_list list: (use_list (identifier) @import.name))))) @import
(use_declaration argument: (scoped_use_list path: (_) @import.module list: (use_list (use_as_clause path: (_) @import.name)))) @import
(use_declaration argument: (use_as_clause path: (scoped_identifier path: (_) @import.module name: (_) @import.name))) @import
(use_declaration argument: (use_wildcard (_) @import.module)) @import
(extern_crate_declaration name: (_) @import.module) @import
(mod_item name: (_) @import.module !body) @import
