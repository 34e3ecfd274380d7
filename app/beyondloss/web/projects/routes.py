"""Behaviours and probe sets: look, edit, import, export."""

from fastapi import APIRouter

router = APIRouter()
