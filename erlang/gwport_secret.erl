%% A value that no report prints. What a pool's program gets by its environment and its arguments is
%% most often a password, and a supervisor writes what it starts its children with to the log: when
%% they start, when they end, and when it is asked for its status.
%%
%% A fun prints as its name alone. It stands in the supervisors of users, whom a second change of
%% this module in a running system would cost (old code that is still held is killed when it is
%% purged); hence a module of its own, in which there is nothing to change.
%% @hidden
-module(gwport_secret).

-export([hide/1, show/1]).

-export_type([secret/1]).

-type secret(Value) :: fun(() -> Value).

-spec hide(Value) -> secret(Value).
hide(Value) ->
    fun() -> Value end.

-spec show(secret(Value)) -> Value.
show(Secret) ->
    Secret().
