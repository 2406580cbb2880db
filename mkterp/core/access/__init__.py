"""Who gets in: password and second factor, the company's single sign-on, and the people's list.

The ways in are django-allauth's (OpenID Connect, TOTP, recovery codes, rate limits). Here stands
what is ours about them: nobody makes an account for himself, secrets are stored encrypted, every
way in and every change of it is in the audit trail, and each address says who may enter.
"""
