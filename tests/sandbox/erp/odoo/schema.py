"""The models and fields of an Odoo that the double has, and how they are named in its series.

`name`, `name:type`, `name:many2one:model`, `name:one2many:model:inverse`, `name:many2many:model`.
"""

from __future__ import annotations

from dataclasses import dataclass

_MODELS = {
    "res.company": """name currency_id:many2one:res.currency partner_id:many2one:res.partner
        fiscalyear_lock_date:date tax_calculation_rounding_method:selection
        fiscalyear_last_day:integer fiscalyear_last_month:selection""",
    "res.currency": "name",
    "res.users": "login name company_id:many2one:res.company tz",
    "res.partner": "name ref active:boolean tz",
    "decimal.precision": "name digits:integer",
    "delivery.carrier": "name active:boolean",
    "stock.warehouse": """name code lot_stock_id:many2one:stock.location
        out_type_id:many2one:stock.picking.type in_type_id:many2one:stock.picking.type""",
    "stock.location": "name usage:selection",
    "stock.picking.type": """name code:selection warehouse_id:many2one:stock.warehouse
        default_location_dest_id:many2one:stock.location""",
    "product.template": "name write_date:datetime",
    "product.product": """default_code barcode name lst_price:float active:boolean type:selection
        product_tmpl_id:many2one:product.template invoice_policy:selection {storable}
        product_template_attribute_value_ids:many2many:product.template.attribute.value
        qty_available:float free_qty:float virtual_available:float outgoing_qty:float
        property_account_income_id:many2one:account.account""",
    "product.attribute": "name",
    "product.template.attribute.value": "name attribute_id:many2one:product.attribute",
    "account.account": "code name account_type:selection reconcile:boolean deprecated:boolean",
    "account.journal": "code name type:selection active:boolean",
    "account.tax": """name amount:float amount_type:selection type_tax_use:selection
        active:boolean price_include:boolean company_id:many2one:res.company
        invoice_repartition_line_ids:one2many:account.tax.repartition.line:tax_id""",
    "account.tax.repartition.line": """tax_id:many2one:account.tax repartition_type:selection
        account_id:many2one:account.account""",
    "sale.order": """name state:selection origin client_order_ref note date_order:datetime
        partner_id:many2one:res.partner company_id:many2one:res.company
        currency_id:many2one:res.currency warehouse_id:many2one:stock.warehouse
        order_line:one2many:sale.order.line:order_id picking_ids:one2many:stock.picking:sale_id
        invoice_ids:many2many:account.move invoice_status:selection
        amount_untaxed:float amount_tax:float amount_total:float""",
    "sale.order.line": """order_id:many2one:sale.order product_id:many2one:product.product name
        sequence:integer product_uom_qty:float price_unit:float {line_taxes}:many2many:account.tax
        qty_delivered:float qty_invoiced:float price_subtotal:float price_tax:float
        invoice_lines:many2many:account.move.line""",
    "stock.picking": """name state:selection origin note date_done:datetime
        partner_id:many2one:res.partner picking_type_id:many2one:stock.picking.type
        picking_type_code:selection location_id:many2one:stock.location
        location_dest_id:many2one:stock.location sale_id:many2one:sale.order
        backorder_id:many2one:stock.picking carrier_id:many2one:delivery.carrier
        carrier_tracking_ref move_ids:one2many:stock.move:picking_id scheduled_date:datetime""",
    "stock.move": """name picking_id:many2one:stock.picking product_id:many2one:product.product
        product_uom_qty:float {done} state:selection sale_line_id:many2one:sale.order.line
        origin_returned_move_id:many2one:stock.move to_refund:boolean date:datetime
        location_id:many2one:stock.location location_dest_id:many2one:stock.location""",
    "account.move": """name move_type:selection state:selection payment_state:selection ref
        invoice_origin narration date:date invoice_date:date journal_id:many2one:account.journal
        partner_id:many2one:res.partner company_id:many2one:res.company
        currency_id:many2one:res.currency reversed_entry_id:many2one:account.move
        line_ids:one2many:account.move.line:move_id
        invoice_line_ids:one2many:account.move.line:move_id
        amount_untaxed:float amount_tax:float amount_total:float""",
    "account.move.line": """move_id:many2one:account.move account_id:many2one:account.account
        partner_id:many2one:res.partner product_id:many2one:product.product name
        display_type:selection quantity:float price_unit:float tax_ids:many2many:account.tax
        price_subtotal:float price_total:float debit:float credit:float balance:float date:date
        journal_id:many2one:account.journal parent_state:selection move_name ref
        tax_line_id:many2one:account.tax tax_base_amount:float matching_number
        full_reconcile_id:many2one:account.full.reconcile reconciled:boolean
        sale_line_ids:many2many:sale.order.line""",
    "account.full.reconcile": "name",
}


@dataclass(frozen=True)
class Field:
    type: str = "char"
    relation: str = ""
    inverse: str = ""


def schema(series: int) -> dict[str, dict[str, Field]]:
    """Model by model the fields, as that series calls them (16 to 19)."""
    words = {
        "{storable}": "is_storable:boolean" if series >= 18 else "detailed_type:selection",
        "{line_taxes}": "tax_ids" if series >= 19 else "tax_id",
        "{done}": "quantity:float picked:boolean" if series >= 17 else "quantity_done:float",
    }
    found: dict[str, dict[str, Field]] = {}
    for model, text in _MODELS.items():
        for mark, word in words.items():
            text = text.replace(mark, word)
        fields = {
            "id": Field("integer"),
            "display_name": Field(),
            "create_date": Field("datetime"),
            "write_date": Field("datetime"),
        }
        for entry in text.split():
            name, _, rest = entry.partition(":")
            parts = rest.split(":") if rest else ["char"]
            fields[name] = Field(*parts)
        found[model] = fields
    return found
