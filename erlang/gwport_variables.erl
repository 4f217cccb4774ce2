%% The environment that a program is started with: the BEAM's, or what is to be taken over of it, and
%% on top what the pool's options say.
%% @hidden
-module(gwport_variables).

-export([of_pool/2]).

%% What a program needs to find itself, its files and its way of writing.
-define(ALWAYS, ["PATH", "HOME", "LANG", "TZ", "TMPDIR"]).

%% As open_port/2 wants it, which takes the BEAM's environment as it is now. Ours are the variables of
%% the wire, which nobody else sets.
-spec of_pool(gwport_pool_options:pool(), Ours :: [{string(), string() | false}]) ->
    [{string(), string() | false}].
of_pool(Pool = #{env := Env, inherit := Inherit}, Ours) ->
    Given = Env ++ runtime(Pool),
    left_out(Inherit, [Name || {Name, _} <- Given ++ Ours]) ++ Given ++ Ours.

runtime(#{gomemlimit := Limit, gomaxprocs := Procs}) ->
    [{"GOMEMLIMIT", integer_to_list(Limit)} || is_integer(Limit)]
        ++ [{"GOMAXPROCS", integer_to_list(Procs)} || is_integer(Procs)].

left_out(all, _) ->
    [];
left_out(Names, Given) ->
    Kept = ?ALWAYS ++ Names ++ Given,
    [{Name, false} || {Name = [_ | _], _} <- os:env(), not lists:member(Name, Kept)].
