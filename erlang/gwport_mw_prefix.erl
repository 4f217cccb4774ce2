%% @doc Has another app answer what is below a path, as if it were mounted there: SCRIPT_NAME ends
%% with the path, and PATH_INFO is what is behind it.
%%
%% The app that it is around answers the rest.
%%
%% ```
%% gwport_gateway:chain(fun site:app/1,
%%     [gwport_mw_prefix:around(#{at => "/shop", app => gwport_gateway:pool(#{pool => shop})})])
%% '''
-module(gwport_mw_prefix).

-export([around/1]).

-export_type([options/0]).

-type options() :: #{
    at := binary() | string(),
    app := gwport_gateway:app()}.
%% See around/1.

%% @doc The middleware. Options, as a map, a keyword list or a property list:
%%
%% <ul>
%% <li>`at' (required): the path, decoded, in the environ's PATH_INFO: `/shop', with no slash at its
%%     end. `/shop' and `/shop/cart' are below it, `/shopping' is not</li>
%% <li>`app' (required): who answers there</li>
%% </ul>
-spec around(options() | proplists:proplist()) -> gwport_gateway:middleware().
around(Given) ->
    #{at := At, app := Mounted} = gwport_mw_options:check(Given, #{}, [at, app], fun value/2),
    fun(App) ->
        fun(Environ) ->
            case below(At, Environ) of
                {ok, Shifted} -> Mounted(Shifted);
                false -> App(Environ)
            end
        end
    end.

value(at, Given) ->
    case gwport_mw_options:text(Given) of
        {ok, At = <<"/", _, _/binary>>} ->
            gwport_mw_options:expected(binary:last(At) =/= $/, At, not_path());
        {ok, At = <<"/", C>>} when C =/= $/ ->
            {ok, At};
        _ ->
            {error, not_path()}
    end;
value(app, Given) ->
    gwport_mw_options:expected(is_function(Given, 1), Given, "expected a fun of one argument").

not_path() ->
    "expected a path such as /shop".

below(At, Environ = #{<<"SCRIPT_NAME">> := Script, <<"PATH_INFO">> := Info}) ->
    case behind(At, Info) of
        {ok, Rest} ->
            raw(At, Environ, Environ#{<<"SCRIPT_NAME">> := <<Script/binary, At/binary>>,
                <<"PATH_INFO">> := Rest});
        false ->
            false
    end.

%% What stands behind a prefix that ends where a segment does.
behind(At, Info) ->
    case string:prefix(Info, At) of
        <<>> -> {ok, <<>>};
        <<"/", _/binary>> = Rest -> {ok, Rest};
        _ -> false
    end.

%% The raw forms too, where these are the same path: middleware may have changed the one and not the
%% other.
raw(At, #{<<"PATH_INFO">> := Info, <<"gwport.script_name">> := RawScript,
        <<"gwport.path_info">> := RawInfo}, Shifted) ->
    case {decoded(RawInfo), gwport_environ:split_path(RawInfo, behind_segments(At, RawInfo))} of
        {Info, {{At, _}, {RawAt, RawRest}}} ->
            {ok, Shifted#{<<"gwport.script_name">> := <<RawScript/binary, RawAt/binary>>,
                <<"gwport.path_info">> := RawRest}};
        %% A slash of the prefix is inside of a segment, and parts none.
        {Info, _} ->
            false;
        _ ->
            {ok, Shifted}
    end;
raw(_, _, Shifted) ->
    {ok, Shifted}.

decoded(Raw) ->
    {{Segments, Slash}, _} = gwport_environ:split_path(Raw, 0),
    <<Segments/binary, Slash/binary>>.

%% How many segments of a path are behind as many as the prefix has. A slash at its end begins none.
behind_segments(At, Raw) ->
    Segments = slashes(string:trim(Raw, trailing, "/")),
    max(0, Segments - slashes(At)).

slashes(Path) ->
    length(binary:matches(Path, <<"/">>)).
